package dev.headroom.diag;

import java.util.List;
import java.util.Objects;

/**
 * One way to make room.
 *
 * @param scope where it takes effect
 * @param text what it does, in a sentence
 * @param commands to be typed, or lines for a file, ready to use
 */
public record Remedy(Scope scope, String text, List<String> commands) {
    public enum Scope {
        /** At once, until the next restart. */
        NOW,
        /** Across restarts. */
        PERSISTENT,
        /** For a systemd unit. */
        SYSTEMD,
        /** For a container or pod. */
        CONTAINER
    }

    public Remedy {
        Objects.requireNonNull(scope, "scope");
        Objects.requireNonNull(text, "text");
        commands = List.copyOf(commands);
    }

    public static Remedy now(String text, String... commands) {
        return new Remedy(Scope.NOW, text, List.of(commands));
    }

    public static Remedy persistent(String text, String... commands) {
        return new Remedy(Scope.PERSISTENT, text, List.of(commands));
    }

    public static Remedy systemd(String text, String... commands) {
        return new Remedy(Scope.SYSTEMD, text, List.of(commands));
    }

    public static Remedy container(String text, String... commands) {
        return new Remedy(Scope.CONTAINER, text, List.of(commands));
    }
}
