// pgx with its pool: a transfer for each line "SOURCE TARGET AMOUNT" of stdin.
//
// DATABASE_URL=postgresql://app:secret@localhost:26257/bank?sslmode=require
//
// With pgx 5 the imports are github.com/jackc/pgx/v5, .../v5/pgconn and .../v5/pgxpool,
// NewWithConfig replaces ConnectConfig, and pgx.BeginTxFunc replaces the pool's method.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log"
	"math/rand"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgconn"
	"github.com/jackc/pgx/v4"
	"github.com/jackc/pgx/v4/pgxpool"
)

func newPool(ctx context.Context) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(os.Getenv("DATABASE_URL"))
	if err != nil {
		return nil, err
	}
	// Of a fixed size: four for each core of the database, shared among all processes.
	config.MaxConns = 16
	config.MinConns = 16
	// Five minutes at most. All connections of a process share it; from pgx 4.16 on there is
	// MaxConnLifetimeJitter, and roachpin's lifetime.max has a jitter for each.
	config.MaxConnLifetime = 270*time.Second + time.Duration(rand.Int63n(int64(30*time.Second)))
	config.MaxConnIdleTime = config.MaxConnLifetime
	// Nobody is lent a connection whose session was ended. pgx 5 asks by itself where it was idle.
	config.BeforeAcquire = func(ctx context.Context, conn *pgx.Conn) bool {
		return conn.Ping(ctx) == nil
	}
	// Longer than roachpin's timeouts.establish: who gives up earlier never hears the reason.
	config.ConnConfig.ConnectTimeout = 20 * time.Second
	config.ConnConfig.RuntimeParams["application_name"] = "bank"
	// Starts without a database, too.
	config.LazyConnect = true
	return pgxpool.ConnectConfig(ctx, config)
}

func sqlState(err error) string {
	var answer *pgconn.PgError
	if errors.As(err, &answer) {
		return answer.Code
	}
	return ""
}

// explained is the error with its detail and its hint: there is what roachpin found, and its event id.
func explained(err error) string {
	text := err.Error()
	var answer *pgconn.PgError
	if errors.As(err, &answer) {
		text += " " + answer.Detail + " " + answer.Hint
	}
	return strings.Join(strings.Fields(text), " ")
}

// mayBeRepeated says whether it is certain that nothing was done. With 40001 the database says so
// itself; a connection that was lost leaves doubt once COMMIT has been sent.
func mayBeRepeated(err error, conn *pgxpool.Conn, committing bool) bool {
	return sqlState(err) == "40001" || (conn.Conn().IsClosed() && !committing)
}

// inTransaction does the work in a transaction, again from its start where that is safe.
func inTransaction(ctx context.Context, pool *pgxpool.Pool, work func(pgx.Tx) error) error {
	const tries = 5
	for attempt := 1; ; attempt++ {
		repeatable, err := once(ctx, pool, work)
		if err == nil || attempt == tries || !repeatable {
			return err
		}
		time.Sleep(time.Duration(rand.Int63n(int64(50*time.Millisecond) << attempt)))
	}
}

func once(ctx context.Context, pool *pgxpool.Pool, work func(pgx.Tx) error) (repeatable bool, err error) {
	// Not repeated when this fails: roachpin has tried every node already.
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Release()
	tx, err := conn.Begin(ctx)
	if err != nil {
		return mayBeRepeated(err, conn, false), err
	}
	defer tx.Rollback(ctx) // nothing, after COMMIT
	if err := work(tx); err != nil {
		return mayBeRepeated(err, conn, false), err
	}
	err = tx.Commit(ctx)
	return mayBeRepeated(err, conn, true), err
}

func transfer(ctx context.Context, pool *pgxpool.Pool, source, target, amount int) error {
	return inTransaction(ctx, pool, func(tx pgx.Tx) error {
		for _, change := range [][2]int{{source, -amount}, {target, amount}} {
			done, err := tx.Exec(ctx,
				"UPDATE accounts SET balance = balance + $1 WHERE id = $2", change[1], change[0])
			if err != nil {
				return err
			}
			if done.RowsAffected() != 1 {
				return fmt.Errorf("no account %d", change[0])
			}
		}
		return nil
	})
}

func main() {
	rand.Seed(time.Now().UnixNano())
	ctx := context.Background()
	pool, err := newPool(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var source, target, amount int
		if _, err := fmt.Sscan(lines.Text(), &source, &target, &amount); err != nil {
			log.Fatal(err)
		}
		if err := transfer(ctx, pool, source, target, amount); err != nil {
			fmt.Println("failed", sqlState(err), explained(err))
			continue
		}
		fmt.Println("ok")
	}
}
