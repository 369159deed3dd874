package dev.headroom.tests;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

import tools.jackson.jr.ob.JSON;

/** A Chromium without a screen and with one page, which is told what to do in its DevTools protocol. */
public final class Browser implements AutoCloseable {
    private static final int PATIENCE_SECONDS = 60;

    private final Process process;
    private final WebSocket socket;
    private final Map<Object, CompletableFuture<Map<String, Object>>> answers = new ConcurrentHashMap<>();
    private final List<Map<String, Object>> events = new CopyOnWriteArrayList<>();
    private volatile CompletableFuture<Void> loaded = new CompletableFuture<>();
    private int calls;

    /** @param profile a folder that is not there yet, or empty */
    public Browser(Path profile) throws Exception {
        process = new ProcessBuilder(Requires.tool("chromium").toString(), "--headless", "--no-sandbox",
                "--disable-gpu",
                "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--remote-debugging-port=0", "--user-data-dir=" + profile, "about:blank").redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
        HttpClient http = HttpClient.newHttpClient();
        socket = http.newWebSocketBuilder().buildAsync(page(http, profile), new Listener()).get(PATIENCE_SECONDS,
                TimeUnit.SECONDS);
        for (String domain : List.of("Page", "Runtime", "Log", "Network")) {
            call(domain + ".enable", Map.of());
        }
    }

    /** Where the page listens: the browser tells its port in a file, and there its pages. */
    private URI page(HttpClient http, Path profile) throws Exception {
        Path port = profile.resolve("DevToolsActivePort");
        for (int i = 0; i < PATIENCE_SECONDS * 20; i++) {
            if (Files.exists(port) && Files.readAllLines(port).size() == 2) {
                URI list = URI.create("http://127.0.0.1:" + Files.readAllLines(port).getFirst() + "/json/list");
                String pages = http.send(HttpRequest.newBuilder(list).build(), HttpResponse.BodyHandlers.ofString())
                        .body();
                for (Object p : JSON.std.listFrom(pages)) {
                    if ("page".equals(((Map<?, ?>) p).get("type"))) {
                        return URI.create((String) ((Map<?, ?>) p).get("webSocketDebuggerUrl"));
                    }
                }
            }
            if (!process.isAlive()) {
                throw new IOException("chromium has ended with status " + process.exitValue());
            }
            Thread.sleep(50);
        }
        close();
        throw new IOException("chromium does not listen");
    }

    /** Calls a method of the protocol. */
    public Map<String, Object> call(String method, Map<String, ?> parameters) throws Exception {
        CompletableFuture<Map<String, Object>> answer = new CompletableFuture<>();
        int id = ++calls;
        answers.put(id, answer);
        socket.sendText(JSON.std.asString(Map.of("id", id, "method", method, "params", parameters)), true).join();
        Map<String, Object> said = answer.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        if (said.containsKey("error")) {
            throw new IOException(method + ": " + said.get("error"));
        }
        return map(said.get("result"));
    }

    /** Shows a file, and waits until it is loaded and its scripts have run. */
    public void open(Path file) throws Exception {
        events.clear();
        loaded = new CompletableFuture<>();
        call("Page.navigate", Map.of("url", file.toUri().toString()));
        loaded.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    /** The width of the window, and whether it is dark. */
    public void look(int width, boolean dark) throws Exception {
        call("Emulation.setDeviceMetricsOverride",
                Map.of("width", width, "height", 900, "deviceScaleFactor", 1, "mobile", false));
        call("Emulation.setEmulatedMedia", Map.of("features",
                List.of(Map.of("name", "prefers-color-scheme", "value", dark ? "dark" : "light"))));
    }

    /** What an expression of JavaScript yields. */
    public Object evaluate(String expression) throws Exception {
        Map<String, Object> said = call("Runtime.evaluate",
                Map.of("expression", expression, "returnByValue", true, "awaitPromise", true));
        if (said.containsKey("exceptionDetails")) {
            throw new IOException(expression + ": " + said.get("exceptionDetails"));
        }
        return map(said.get("result")).get("value");
    }

    /** What the page has asked for since it was opened, itself included. */
    public List<String> requests() {
        return of("Network.requestWillBeSent").map(p -> (String) map(p.get("request")).get("url")).toList();
    }

    /** What went wrong on the page: exceptions, and what it was not allowed to do. */
    public List<String> complaints() {
        return Stream.concat(of("Runtime.exceptionThrown").map(Map::toString),
                of("Log.entryAdded").map(p -> map(p.get("entry"))).filter(e -> "error".equals(e.get("level")))
                        .map(Map::toString))
                .toList();
    }

    private Stream<Map<String, Object>> of(String event) {
        return events.stream().filter(e -> e.get("method").equals(event)).map(e -> map(e.get("params")));
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> map(Object object) {
        return (Map<String, Object>) object;
    }

    @Override
    public void close() {
        List<ProcessHandle> all = process.descendants().toList();
        if (socket == null) {
            process.destroy();
        } else {
            // Asked to, it also removes what it has put into /tmp.
            socket.sendText("{\"id\":0,\"method\":\"Browser.close\"}", true);
        }
        Stream.concat(Stream.of(process.toHandle()), all.stream()).forEach(p -> p.onExit().completeOnTimeout(null, 10,
                TimeUnit.SECONDS).thenAccept(gone -> {
                    if (gone == null) {
                        p.destroyForcibly();
                    }
                }).join());
    }

    private final class Listener implements WebSocket.Listener {
        private final StringBuilder message = new StringBuilder();

        @Override
        public CompletionStage<?> onText(WebSocket from, CharSequence part, boolean last) {
            message.append(part);
            if (last) {
                hear(message.toString());
                message.setLength(0);
            }
            from.request(1);
            return null;
        }

        private void hear(String text) {
            try {
                Map<String, Object> said = JSON.std.mapFrom(text);
                if (said.containsKey("id")) {
                    CompletableFuture<Map<String, Object>> answer = answers.remove(said.get("id"));
                    if (answer != null) {
                        answer.complete(said);
                    }
                    return;
                }
                events.add(said);
                if (said.get("method").equals("Page.loadEventFired")) {
                    loaded.complete(null);
                }
            } catch (RuntimeException e) {
                loaded.completeExceptionally(e);
                throw e;
            }
        }
    }
}
