import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.Scanner;
import java.util.concurrent.ThreadLocalRandom;

/** JDBC with HikariCP: a transfer for each line "SOURCE TARGET AMOUNT" of stdin. */
public class Bank {
    interface Work {
        void run(Connection connection) throws SQLException;
    }

    private final HikariDataSource pool;

    Bank(HikariDataSource pool) {
        this.pool = pool;
    }

    /**
     * Whether it is certain that nothing was done. With 40001 the database says so itself; a
     * connection that was lost (class 08, 57P01) leaves doubt once COMMIT has been sent.
     */
    static boolean mayBeRepeated(SQLException error, boolean committing) {
        String state = String.valueOf(error.getSQLState());
        return state.equals("40001") || (!committing && (state.startsWith("08") || state.equals("57P01")));
    }

    /** Work in a transaction, done again from its start where that is safe. */
    void inTransaction(Work work) throws SQLException, InterruptedException {
        final int tries = 5;
        for (int attempt = 1; ; attempt++) {
            // Not repeated when this fails: roachpin has tried every node already.
            try (Connection connection = pool.getConnection()) {
                boolean committing = false;
                try {
                    work.run(connection);
                    committing = true;
                    connection.commit();
                    return;
                } catch (SQLException error) {
                    try {
                        connection.rollback();
                    } catch (SQLException closed) {
                        error.addSuppressed(closed);
                    }
                    if (attempt == tries || !mayBeRepeated(error, committing)) {
                        throw error;
                    }
                }
            }
            Thread.sleep(ThreadLocalRandom.current().nextLong(50L << attempt));
        }
    }

    void transfer(int source, int target, int amount) throws SQLException, InterruptedException {
        inTransaction(connection -> {
            String sql = "UPDATE accounts SET balance = balance + ? WHERE id = ?";
            try (PreparedStatement statement = connection.prepareStatement(sql)) {
                for (int[] change : new int[][] {{-amount, source}, {amount, target}}) {
                    statement.setInt(1, change[0]);
                    statement.setInt(2, change[1]);
                    if (statement.executeUpdate() != 1) {
                        throw new SQLException("no account " + change[1], "02000");
                    }
                }
            }
        });
    }

    /** HikariCP says only that it waited in vain; why is in the cause. */
    static SQLException reason(SQLException error) {
        return error.getCause() instanceof SQLException ? (SQLException) error.getCause() : error;
    }

    public static void main(String[] arguments) throws Exception {
        HikariConfig config = new HikariConfig(arguments[0]);
        config.setPassword(System.getenv("DATABASE_PASSWORD"));
        try (HikariDataSource pool = new HikariDataSource(config)) {
            Bank bank = new Bank(pool);
            for (Scanner lines = new Scanner(System.in); lines.hasNextInt(); ) {
                try {
                    bank.transfer(lines.nextInt(), lines.nextInt(), lines.nextInt());
                    System.out.println("ok");
                } catch (SQLException error) {
                    SQLException why = reason(error);
                    System.out.println(
                            "failed " + why.getSQLState() + " " + why.getMessage().replaceAll("\\s+", " "));
                }
            }
        }
    }
}
