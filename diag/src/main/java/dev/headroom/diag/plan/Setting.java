package dev.headroom.diag.plan;

import java.util.Objects;

/**
 * One number to set on a host.
 *
 * @param kind what it is, which decides the files it can stand in
 * @param name of the sysctl, or "nofile"
 * @param value to set; of nofile one number, or soft and hard as "1024:524288"
 * @param why what it is for, in one line
 * @param here what it is now, or why that is not known
 */
public record Setting(Kind kind, String name, String value, String why, String here) {
    public enum Kind {
        /** RLIMIT_NOFILE. */
        NOFILE,
        /** A sysctl of the whole machine: cannot be set for a container alone. */
        NODE_SYSCTL,
        /** A sysctl of a network namespace that Kubernetes lets every pod set. */
        SAFE_SYSCTL,
        /** A sysctl of a network namespace that a pod may set where the kubelet allows it. */
        UNSAFE_SYSCTL
    }

    public Setting {
        Objects.requireNonNull(kind, "kind");
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(value, "value");
        Objects.requireNonNull(why, "why");
        Objects.requireNonNull(here, "here");
    }

    /** The soft limit, of nofile. */
    public String soft() {
        return value.split(":")[0];
    }

    /** The hard limit, of nofile. */
    public String hard() {
        return value.substring(value.indexOf(':') + 1);
    }

    public boolean isSysctl() {
        return kind != Kind.NOFILE;
    }

    /** Whether a container has a value of its own. */
    public boolean ofNamespace() {
        return kind == Kind.SAFE_SYSCTL || kind == Kind.UNSAFE_SYSCTL;
    }
}
