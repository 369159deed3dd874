/**
 * Which Linux limit is near, which one was met, why, and what to do about it. The {@code headroom} command is its face.
 */
module dev.headroom.diag {
    requires transitive dev.headroom.toolkit;
    requires com.samskivert.jmustache;
    requires info.picocli;
    requires jdk.unsupported;
    requires tools.jackson.jr.ob;

    exports dev.headroom.diag;
    exports dev.headroom.diag.causes;
    exports dev.headroom.diag.explain;
    exports dev.headroom.diag.json;
    exports dev.headroom.diag.lab;
    exports dev.headroom.diag.lab.experiments;
    exports dev.headroom.diag.plan;

    opens dev.headroom.diag.cli to info.picocli;
}
