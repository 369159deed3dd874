package dev.headroom.diag.cli;

import java.lang.reflect.Proxy;

/**
 * SIGINT and SIGTERM as a wish to end rather than an end. The first asks; the second, of whichever kind, kills at once.
 */
final class Signals {
    private static final int KILLED_BY_SIGINT = 128 + 2;

    private Signals() {
    }

    /**
     * Takes both over for the rest of this process's life. A shutdown hook would not do: it cannot make the exit status
     * 0 of an orderly end, nor tell a second signal.
     *
     * @param stop called on a thread of its own
     */
    static void onStop(Runnable stop) {
        boolean[] asked = new boolean[1];
        Runnable both = () -> {
            synchronized (asked) {
                if (asked[0]) {
                    Runtime.getRuntime().halt(KILLED_BY_SIGINT);
                }
                asked[0] = true;
            }
            stop.run();
        };
        try {
            // By name, for javac warns of every mention of sun.misc.Signal and lets nobody suppress it.
            Class<?> signal = Class.forName("sun.misc.Signal");
            Class<?> handler = Class.forName("sun.misc.SignalHandler");
            Object proxy = Proxy.newProxyInstance(Signals.class.getClassLoader(), new Class<?>[] {handler},
                    (self, method, args) -> {
                        if (method.getName().equals("handle")) {
                            both.run();
                        }
                        return null;
                    });
            for (String name : new String[] {"INT", "TERM"}) {
                signal.getMethod("handle", signal, handler).invoke(null,
                        signal.getConstructor(String.class).newInstance(name), proxy);
            }
        } catch (ReflectiveOperationException e) {
            // The JVM ends in its own way then (-Xrs, or a runtime without jdk.unsupported): no summary, status 130.
            return;
        }
    }
}
