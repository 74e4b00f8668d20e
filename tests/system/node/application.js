'use strict'

// A node-postgres application. Connects as argv[2] (JSON) says and prints what it saw as one line
// of JSON: the same, wherever it connects.

const { Pool, Client } = require('pg')
const { createHash } = require('crypto')

async function main(config) {
  const seen = {}
  const pool = new Pool({ ...config, max: 5, application_name: 'node' })

  seen.login = (await pool.query('SELECT current_user, current_database()')).rows[0]
  seen.parameters = (await pool.query('SELECT $1::int + 1 AS sum, $2::text AS text', [41, 'ñandú'])).rows[0]

  const many = await Promise.all(
    Array.from({ length: 50 }, (_, number) => pool.query('SELECT $1::int * 2 AS twice', [number]))
  )
  seen.concurrent = many.reduce((sum, result) => sum + result.rows[0].twice, 0)

  const client = await pool.connect()
  await client.query('BEGIN')
  await client.query('CREATE TEMP TABLE t (id int PRIMARY KEY) ON COMMIT DROP')
  await client.query('INSERT INTO t VALUES (1)')
  seen.error = await client.query('INSERT INTO t VALUES (1)').then(
    () => 'none',
    (error) => error.code
  )
  await client.query('ROLLBACK')
  client.release()

  const large = await pool.query("SELECT string_agg(md5(g::text), '') AS text FROM generate_series(1, 200000) g")
  seen.large = createHash('sha256').update(large.rows[0].text).digest('hex')
  await pool.end()

  const listener = new Client(config)
  const speaker = new Client(config)
  await Promise.all([listener.connect(), speaker.connect()])
  await listener.query('LISTEN node_news')
  const heard = new Promise((resolve) => listener.once('notification', (message) => resolve(message.payload)))
  await speaker.query("NOTIFY node_news, 'roaches'")
  seen.heard = await heard
  await Promise.all([listener.end(), speaker.end()])
  return seen
}

main(JSON.parse(process.argv[2])).then(
  (seen) => console.log(JSON.stringify(seen)),
  (error) => {
    console.error(error)
    process.exitCode = 1
  }
)
