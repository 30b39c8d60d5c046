import com.sun.net.httpserver.HttpContext;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

/** A shop that sells one thing: POST /buy. */
public class Shop {
    private static final Logger log = LoggerFactory.getLogger(Shop.class);

    /** Puts the request's ID into the MDC, as a servlet filter would. */
    static HttpContext serve(int port) throws IOException {
        var server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
        var context = server.createContext("/buy", exchange -> {
            var id = exchange.getRequestHeaders().getFirst("X-Request-Id");
            try (var ignored = MDC.putCloseable("request_id", id)) {
                buy(exchange.getRequestURI().getQuery());
            } finally {
                exchange.sendResponseHeaders(200, -1);
                exchange.close();
            }
        });
        server.start();
        log.info("open");
        return context;
    }

    private static void buy(String card) {
        log.info("bought");
        if ("declined".equals(card)) {
            log.error("card declined", new IllegalStateException("no money"));
        }
    }

    public static void main(String[] args) throws IOException {
        System.out.println("http:/" + serve(0).getServer().getAddress());
    }
}
