package dev.headroom.proc;

import java.util.Optional;

/**
 * What was read, and whose it is.
 *
 * @param value what was read
 * @param scope {@link Scope#TARGET_NET_NAMESPACE}, or {@link Scope#READER_NET_NAMESPACE} when the target's was out of
 *            reach
 * @param reason why it is only the reader's; empty when it is the target's
 * @param <T> kind of value
 */
public record Reading<T>(T value, Scope scope, Optional<String> reason) {
}
