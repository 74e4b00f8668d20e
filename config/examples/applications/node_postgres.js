'use strict'

// node-postgres with its pool: a transfer for each line "SOURCE TARGET AMOUNT" of stdin.

const { Pool } = require('pg')
const { createInterface } = require('readline')
const { setTimeout: sleep } = require('timers/promises')

const pool = new Pool({
  host: 'localhost',
  port: Number(process.env.DATABASE_PORT || 26257),
  database: 'bank',
  user: 'app',
  password: process.env.DATABASE_PASSWORD,
  // What libpq calls sslmode=require. For verify-full: { ca: fs.readFileSync('/run/roachpin/local.crt') }
  ssl: { rejectUnauthorized: false },
  application_name: 'bank',
  max: 16,
  // Idle ones are kept, and nobody grows older than five minutes. It is one number for all
  // connections; roachpin's lifetime.max is what has a jitter for each.
  idleTimeoutMillis: 0,
  maxLifetimeSeconds: 270 + Math.floor(30 * Math.random()),
  // Longer than roachpin's timeouts.establish: who gives up earlier never hears the reason.
  connectionTimeoutMillis: 20000,
})

// Without this, the first idle session that is ended ends the whole process.
pool.on('error', (error) => console.error(`an idle session ended: ${error.code} ${error.message}`))

// Whether it is certain that nothing was done. With 40001 the database says so itself; a connection
// that was lost leaves doubt once COMMIT has been sent. 57P01 is told before the connection ends.
function mayBeRepeated(error, broken, committing) {
  return error.code === '40001' || ((broken || error.code === '57P01') && !committing)
}

// work(client) in a transaction, done again from its start where that is safe.
async function inTransaction(work, tries = 5) {
  for (let attempt = 1; ; attempt++) {
    // Not repeated when this fails: roachpin has tried every node already.
    const client = await pool.connect()
    let committing = false
    let broken
    // A client that is lent out tells of its end to whoever listens, else to nobody's good; and that
    // alone, not the kind of the error, says that the connection was lost.
    const noted = (error) => (broken = error)
    client.on('error', noted)
    try {
      await client.query('BEGIN')
      const result = await work(client)
      committing = true
      await client.query('COMMIT')
      return result
    } catch (error) {
      const repeatable = mayBeRepeated(error, broken, committing)
      await client.query('ROLLBACK').catch(noted)
      if (attempt === tries || !repeatable) throw error
    } finally {
      client.off('error', noted)
      client.release(broken)
    }
    await sleep(Math.random() * 50 * 2 ** attempt)
  }
}

async function transfer(source, target, amount) {
  await inTransaction(async (client) => {
    for (const [account, change] of [[source, -amount], [target, amount]]) {
      const { rowCount } = await client.query(
        'UPDATE accounts SET balance = balance + $1 WHERE id = $2', [change, account])
      if (rowCount !== 1) throw new Error(`no account ${account}`)
    }
  })
}

async function main() {
  for await (const line of createInterface({ input: process.stdin })) {
    try {
      await transfer(...line.split(' ').map(Number))
      console.log('ok')
    } catch (error) {
      // What roachpin found, and its event id, are in the detail and the hint.
      const words = [error.code, error.message, error.detail, error.hint].filter(Boolean)
      console.log(`failed ${words.join(' ').replace(/\s+/g, ' ')}`)
    }
  }
  await pool.end()
}

main()
