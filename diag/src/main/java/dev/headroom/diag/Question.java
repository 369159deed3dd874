package dev.headroom.diag;

import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;

import dev.headroom.linux.Errno;

/**
 * What happened: the call that failed, as far as it is known.
 *
 * @param errno empty when nothing failed with an error ("clients time out")
 * @param call name of the system call, e.g. "accept4"; empty if unknown
 * @param pid the process, or empty if unknown
 * @param local local address of the call, "ADDRESS:PORT", with port 0 or "0" for the kernel's choice
 * @param peer peer address of the call, "ADDRESS:PORT"
 * @param requested the value that was asked for, e.g. the new hard limit of setrlimit or the descriptor of dup2
 * @param seconds how long the call took before it failed
 * @param fd the descriptor that the call was about
 */
public record Question(Optional<Errno> errno, String call, OptionalLong pid, Optional<String> local,
        Optional<String> peer, OptionalLong requested, Optional<Double> seconds, OptionalLong fd) {
    public Question {
        Objects.requireNonNull(errno, "errno");
        Objects.requireNonNull(call, "call");
    }

    /** Of no descriptor that is known. */
    public Question(Optional<Errno> errno, String call, OptionalLong pid, Optional<String> local,
            Optional<String> peer, OptionalLong requested, Optional<Double> seconds) {
        this(errno, call, pid, local, peer, requested, seconds, OptionalLong.empty());
    }

    public static Question of(Errno errno, String call) {
        return new Question(Optional.of(errno), call, OptionalLong.empty(), Optional.empty(), Optional.empty(),
                OptionalLong.empty(), Optional.empty());
    }

    /** A question that is still to be filled in. */
    public static Question empty() {
        return new Question(Optional.empty(), "", OptionalLong.empty(), Optional.empty(), Optional.empty(),
                OptionalLong.empty(), Optional.empty());
    }

    public Question withErrno(Errno e) {
        return new Question(Optional.of(e), call, pid, local, peer, requested, seconds, fd);
    }

    public Question withCall(String name) {
        return new Question(errno, name, pid, local, peer, requested, seconds, fd);
    }

    public Question withPid(long p) {
        return new Question(errno, call, OptionalLong.of(p), local, peer, requested, seconds, fd);
    }

    public Question withPeer(String address) {
        return new Question(errno, call, pid, local, Optional.of(address), requested, seconds, fd);
    }

    public Question withLocal(String address) {
        return new Question(errno, call, pid, Optional.of(address), peer, requested, seconds, fd);
    }

    public Question withRequested(long value) {
        return new Question(errno, call, pid, local, peer, OptionalLong.of(value), seconds, fd);
    }

    public Question withSeconds(double value) {
        return new Question(errno, call, pid, local, peer, requested, Optional.of(value), fd);
    }

    public Question withFd(long value) {
        return new Question(errno, call, pid, local, peer, requested, seconds, OptionalLong.of(value));
    }
}
