/* SPDX-License-Identifier: Apache-2.0 */
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.HashMap;
import java.util.stream.Collectors;
import software.amazon.event.ruler.GenericMachine;

/** bench-match of event-ruler: the same options, the same line of results. One thread. */
public final class BenchMatch {
    private static List<String> lines(String path) throws Exception {
        return Files.readAllLines(Path.of(path)).stream().filter(l -> !l.isEmpty())
                .collect(Collectors.toCollection(ArrayList::new));
    }

    private static long usedKb() {
        for (int i = 0; i < 3; i++)
            System.gc();
        Runtime r = Runtime.getRuntime();
        return (r.totalMemory() - r.freeMemory()) / 1024;
    }

    public static void main(String[] args) throws Exception {
        Map<String, String> options = new HashMap<>();
        for (int i = 0; i + 1 < args.length; i += 2)
            options.put(args[i], args[i + 1]);
        double seconds = Double.parseDouble(options.getOrDefault("--seconds", "2"));
        List<String> patterns = lines(options.get("--patterns"));

        long start = System.nanoTime();
        GenericMachine<Integer> machine = new GenericMachine<>();
        for (int i = 0; i < patterns.size(); i++)
            machine.addRule(i, patterns.get(i));
        double loadMs = (System.nanoTime() - start) / 1e6;
        long kb = usedKb();

        List<String> events = lines(options.get("--events"));
        long matches = 0;
        try (PrintWriter lists = options.containsKey("--lists")
                ? new PrintWriter(options.get("--lists")) : null) {
            for (String event : events) {
                List<Integer> hits = machine.rulesForJSONEvent(event);
                matches += hits.size();
                if (lists != null)
                    lists.println(hits.stream().sorted().map(String::valueOf)
                            .collect(Collectors.joining(" ")));
            }
        }

        // Once as long to warm up: the compiler of the JVM needs it.
        long done = 0, took = 0;
        for (int round = 0; round < 2; round++) {
            done = 0;
            start = System.nanoTime();
            do {
                for (String event : events)
                    machine.rulesForJSONEvent(event);
                done += events.size();
                took = System.nanoTime() - start;
            } while (took < seconds * 1e9);
        }
        System.out.printf("events=%d matches=%d events_per_second=%.0f ns_per_event=%.0f "
                + "load_ms=%.1f rss_kb=%d%n", events.size(), matches, done * 1e9 / took,
                (double) took / done, loadMs, kb);
    }
}
