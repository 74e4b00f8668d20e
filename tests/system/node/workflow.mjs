// GitHub's own evaluator of expressions, and a validator with its schemas. A request (JSON) a line on
// stdin, an answer a line on stdout.

import { Evaluator, Lexer, Parser, data } from '@actions/expressions'
import validator from '@action-validator/core'
import { createInterface } from 'readline'

// What JSON is to the evaluator.
function told(value) {
  if (typeof value === 'string') return new data.StringData(value)
  if (typeof value === 'boolean') return new data.BooleanData(value)
  return new data.Dictionary(
    ...Object.entries(value).map(([key, inner]) => ({ key, value: told(inner) })))
}

function evaluate(text, request) {
  // The status functions, which know how the steps before have ended.
  const statuses = {
    always: true, cancelled: false, success: !request.failed, failure: !!request.failed,
  }
  const functions = Object.entries(statuses).map(([name, value]) => ({
    name, minArgs: 0, maxArgs: 0, call: () => new data.BooleanData(value),
  }))
  const { tokens } = new Lexer(text).lex()
  const parsed = new Parser(tokens, Object.keys(request.contexts), functions).parse()
  const byName = new Map(functions.map((one) => [one.name, one]))
  return new Evaluator(parsed, told(request.contexts), byName).evaluate()
}

const verbs = {
  action: (request) => validator.validateAction(request.text).errors,
  workflow: (request) => validator.validateWorkflow(request.text).errors,
  texts: (request) => request.texts.map((text) =>
    text.replace(/\$\{\{(.*?)\}\}/g, (_, inner) => evaluate(inner, request).coerceString())),
  condition: (request) => {
    const text = request.text.replace(/^\$\{\{(.*)\}\}$/, '$1')
    const asked = /\b(always|cancelled|success|failure)\(\)/.test(text)
    const value = evaluate(asked ? text : `success() && (${text})`, request)
    return value.kind === data.Kind.Boolean ? value.value : value.coerceString() !== ''
  },
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line)
  console.log(JSON.stringify(verbs[request.verb](request)))
}
