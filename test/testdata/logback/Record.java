import com.sun.net.httpserver.Filter;
import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import org.slf4j.MDC;

/**
 * Runs examples/correlation/java/Shop.java with, in front of it, what the OpenTelemetry Java agent
 * does to the MDC. It wrote shop.log, with logback 1.2.11 and OpenJDK 17 of Debian 12 (liblogback-java,
 * default-jdk-headless), here:
 *
 *   shop=../../../examples/correlation/java jars=$(echo /usr/share/java/{slf4j-api,logback-core,logback-classic}.jar | tr ' ' :)
 *   javac -cp $jars -d /tmp/record $shop/Shop.java Record.java
 *   LOG_FILE=shop.log java -cp $jars:/tmp/record -Dlogback.configurationFile=$shop/logback.xml Record 8081 &
 *   trace=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
 *   curl -d '' -H 'X-Request-Id: 8f14e45f-ceea-467f-a0e6-9d5b7c3e2a11' -H "traceparent: $trace" 127.0.0.1:8081/buy
 *   curl -d '' -H 'X-Request-Id: order-4711' '127.0.0.1:8081/buy?declined'
 *   curl -d '' -H "traceparent: $trace" 127.0.0.1:8081/buy
 *   kill %1
 */
public class Record {
    public static void main(String[] args) throws IOException {
        Shop.serve(Integer.parseInt(args[0])).getFilters().add(new Filter() {
            @Override
            public void doFilter(HttpExchange exchange, Chain chain) throws IOException {
                var traceparent = exchange.getRequestHeaders().getFirst("traceparent");
                if (traceparent != null) {
                    var parts = traceparent.split("-");
                    MDC.put("trace_id", parts[1]);
                    MDC.put("span_id", parts[2]);
                }
                try {
                    chain.doFilter(exchange);
                } finally {
                    MDC.clear();
                }
            }

            @Override
            public String description() {
                return "the agent's part";
            }
        });
    }
}
