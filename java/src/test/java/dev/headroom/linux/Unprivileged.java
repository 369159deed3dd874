package dev.headroom.linux;

import static dev.headroom.linux.Rig.outcome;

/** A program that makes calls that need a privilege: a process of its own, run as a user without any. */
final class Unprivileged {
    private Unprivileged() {
    }

    public static void main(String[] args) throws Exception {
        try (Rig rig = new Rig()) {
            int net = rig.fd(Fcntl.open(rig.state, rig.path("/proc/self/ns/net"), Fcntl.O_RDONLY, 0));
            say("unshare(CLONE_NEWNET)", Sched.unshare(rig.state, Sched.CLONE_NEWNET));
            say("setns(CLONE_NEWNET)", Sched.setns(rig.state, net, Sched.CLONE_NEWNET));
            int first = Integer.parseInt(Rig.firstLine("/proc/sys/net/ipv4/ip_unprivileged_port_start"));
            say("bind below the first unprivileged port",
                    first < 2 ? -Errno.EACCES.number() : rig.bind(rig.tcp(), Sockaddr.of("127.0.0.1", first - 1)));
            say("prlimit64 of process 1",
                    Resource.prlimit64(rig.state, 1, Resource.RLIMIT_NOFILE, 0, rig.memory.address()));
            int parent = Integer.parseInt(args[0]);
            int pidfd = rig.fd(Pidfd.pidfdOpen(rig.state, parent, 0));
            say("pidfd_getfd of another user's process", Pidfd.pidfdGetfd(rig.state, pidfd, 0, 0));
        }
    }

    private static void say(String call, int rc) {
        System.out.println(call + ": " + outcome(rc));
    }
}
