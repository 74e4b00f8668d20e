import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.StringReader;
import java.io.StringWriter;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.postgresql.PGConnection;

/// A JDBC application. Prints what it sees at the URL args[1], one fact a line: the same,
/// wherever it connects. args[0] is what to do: "work" or "cancel".
public class Application {
    public static void main(String[] args) throws Exception {
        try (Connection connection = DriverManager.getConnection(args[1])) {
            switch (args[0]) {
            case "work" -> work(connection);
            case "cancel" -> cancel(connection);
            default -> throw new IllegalArgumentException(args[0]);
            }
        }
    }

    static void work(Connection connection) throws Exception {
        try (Statement statement = connection.createStatement();
             ResultSet result = statement.executeQuery("SELECT current_user, current_database()")) {
            result.next();
            System.out.println("login " + result.getString(1) + " " + result.getString(2));
        }

        connection.setAutoCommit(false);
        try (Statement statement = connection.createStatement()) {
            statement.execute("CREATE TEMP TABLE t (id int PRIMARY KEY, text text)");
        }
        connection.commit();

        try (PreparedStatement insert =
                 connection.prepareStatement("INSERT INTO t VALUES (?, ?)")) {
            for (int id = 0; id < 10000; id++) {
                insert.setInt(1, id);
                insert.setString(2, "row " + id);
                insert.addBatch();
            }
            System.out.println("batch " + insert.executeBatch().length);
        }
        connection.commit();

        try (Statement statement = connection.createStatement()) {
            statement.execute("INSERT INTO t VALUES (1, 'again')");
            System.out.println("error none");
        } catch (SQLException refused) {
            System.out.println("error " + refused.getSQLState());
            connection.rollback();
        }

        try (Statement statement = connection.createStatement()) {
            statement.setFetchSize(100); // a portal, fetched piece by piece
            long sum = 0;
            try (ResultSet result = statement.executeQuery("SELECT id FROM t")) {
                while (result.next()) {
                    sum += result.getInt(1);
                }
            }
            System.out.println("fetched " + sum);
        }
        connection.commit();

        var copier = connection.unwrap(PGConnection.class).getCopyAPI();
        System.out.println(
            "copied in " + copier.copyIn("COPY t FROM STDIN", new StringReader("-1\tñandú\n")));
        var out = new StringWriter();
        copier.copyOut("COPY (SELECT * FROM t WHERE id < 1 ORDER BY id) TO STDOUT", out);
        System.out.println("copied out " + out.toString().replace("\n", "|").replace("\t", ","));
        connection.commit();
    }

    /// Runs a statement that only a cancel ends, and cancels it when a line comes on stdin.
    static void cancel(Connection connection) throws Exception {
        try (Statement statement = connection.createStatement()) {
            var canceller = new Thread(() -> {
                try {
                    new BufferedReader(new InputStreamReader(System.in)).readLine();
                    statement.cancel();
                } catch (Exception failed) {
                    System.out.println("cancel failed: " + failed);
                }
            });
            canceller.setDaemon(true);
            canceller.start();
            statement.execute("SELECT pg_sleep(60), 'from jdbc'");
            System.out.println("not cancelled");
        } catch (SQLException ended) {
            System.out.println("ended " + ended.getSQLState());
        }
        try (Statement statement = connection.createStatement();
             ResultSet result = statement.executeQuery("SELECT 'alive'")) {
            result.next();
            System.out.println(result.getString(1));
        }
    }
}
