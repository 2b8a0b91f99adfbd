// SPDX-License-Identifier: Apache-2.0
// java -cp 'libs/*' Main.java BOOTSTRAP TOPIC GROUP URL CONCURRENCY
//
// Confluent's Parallel Consumer with its Vert.x module, ordered by key.
import io.confluent.parallelconsumer.ParallelConsumerOptions;
import io.confluent.parallelconsumer.vertx.VertxParallelEoSStreamProcessor;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.buffer.Buffer;
import io.vertx.ext.web.client.WebClient;
import io.vertx.ext.web.client.WebClientOptions;
import java.net.URI;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

public class Main {
  public static void main(String[] args) {
    URI url = URI.create(args[3]);
    int concurrency = Integer.parseInt(args[4]);
    Properties properties = new Properties();
    properties.put("bootstrap.servers", args[0]);
    properties.put("group.id", args[2]);
    properties.put("auto.offset.reset", "earliest");
    properties.put("enable.auto.commit", "false");
    var consumer = new KafkaConsumer<byte[], byte[]>(
        properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    var options = ParallelConsumerOptions.<byte[], byte[]>builder()
        .ordering(ParallelConsumerOptions.ProcessingOrder.KEY)
        .maxConcurrency(concurrency)
        .consumer(consumer)
        .build();
    Vertx vertx = Vertx.vertx(new VertxOptions());
    WebClient client = WebClient.create(vertx, new WebClientOptions()
        .setMaxPoolSize(concurrency).setKeepAlive(true));
    var processor = new VertxParallelEoSStreamProcessor<byte[], byte[]>(vertx, client, options);
    processor.subscribe(List.of(args[1]));
    // A status of 500 would count as a success for it: the future must fail.
    processor.vertxFuture(context -> client.post(url.getPort(), url.getHost(), url.getPath())
        .putHeader("content-type", "application/json")
        .sendBuffer(Buffer.buffer(context.value()))
        .map(reply -> {
          if (reply.statusCode() >= 300) throw new IllegalStateException("" + reply.statusCode());
          return reply;
        }));
  }
}
