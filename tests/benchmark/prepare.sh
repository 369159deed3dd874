# Sourced by race and jmh with $root set: builds what is not built, and becomes a program of the benchmark module.
# shellcheck shell=bash

prepare() {
    local main=$1 target=$root/tests/benchmark/target jdk
    shift
    if [[ ! -e $target/prepared || $(find "$root"/{pom.xml,CMakeLists.txt,native/{pom.xml,reference,jni}} \
        "$root"/{java,diag,tests/benchmark}/{pom.xml,src/main} -newer "$target/prepared" -print -quit 2>/dev/null) ]]; then
        echo 'building …' >&2
        mkdir -p "$target"
        touch "$target/preparing" # as old as the moment it began: what changes meanwhile is built next time
        (cd -- "$root" && mvn -B -q -pl native,tests/benchmark -am package -DskipTests >&2)
        mv "$target/preparing" "$target/prepared"
    fi
    "$root/headroom" --version >/dev/null # its own build and start-up cache
    # The JDK is the one that the launcher would take.
    eval "$(sed -n '/^suits() {/,/^}/p; /^find_jdk() {/,/^}/p' "$root/headroom")"
    find_jdk || { echo 'a JDK 25 or newer is needed' >&2; exit 3; }
    exec "$jdk/bin/java" -Dheadroom.root="$root" --enable-native-access=ALL-UNNAMED \
        -cp "$target/classes:$target/lib/*" "$main" "$@"
}
