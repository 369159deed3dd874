# Sourced by the launcher when something is missing: a JDK, Maven, a build, a start-up cache.
# shellcheck shell=bash

# shellcheck source=packages.sh
. "$root/diag/src/launcher/packages.sh"

need() {
    type -P "$1" >/dev/null || install_tools "$1" || exit 3
}

obtain_jdk() {
    local manager package
    if [[ ${HEADROOM_JAVA_HOME-} ]]; then
        say "HEADROOM_JAVA_HOME=$HEADROOM_JAVA_HOME is not a JDK 25 or newer${runtime:+ (it is $runtime)}"
        exit 3
    fi
    if manager=$(package_manager); then
        package=$(package_for "$manager" jdk)
        # A fresh container has no lists yet: without them apt offers nothing.
        if [[ $manager == apt-get ]] && ! offers "$manager" "$package" && allowed && is_root; then
            apt-get update >/dev/null 2>&1 </dev/null
        fi
        if offers "$manager" "$package"; then
            install_tools jdk || exit 3
            find_jdk && return
        fi
    fi
    say "a JDK 25 or newer is needed, and none was found
  looked at: HEADROOM_JAVA_HOME, JAVA_HOME, java on PATH, ${HEADROOM_JVM_DIRS-/usr/lib/jvm:/opt:/usr/java}, ~/.jdks, ~/.sdkman
  get one:   Eclipse Temurin 25 from adoptium.net, or with SDKMAN: sdk install java 25-tem
  then:      HEADROOM_JAVA_HOME=/path/to/jdk-25 $0"
    exit 3
}

# One line of progress: `headroom: WHAT … done in N s`. On a terminal the seconds count; the line is redrawn there only.
# The command's output goes to the log. Returns what the command returned.
progress() {
    local what=$1 log=$2 pid status from=$SECONDS
    shift 2
    "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    # shellcheck disable=SC2064 # the pid of now
    trap "kill $pid 2>/dev/null; echo >&2; exit 130" INT TERM HUP
    if [[ -t 2 ]]; then
        while kill -0 "$pid" 2>/dev/null; do
            printf '\rheadroom: %s … %d s ' "$what" $((SECONDS - from)) >&2
            sleep 0.2
        done
        printf '\r' >&2
        printf 'headroom: %s … ' "$what" >&2
    else
        printf 'headroom: %s … ' "$what" >&2
    fi
    wait "$pid"
    status=$?
    trap - INT TERM HUP
    if ((status == 0)); then
        printf 'done in %d s\n' $((SECONDS - from)) >&2
    else
        printf 'failed after %d s\n' $((SECONDS - from)) >&2
    fi
    return "$status"
}

# Holds one lock for all launchers of this tree while "$@" runs. It is released before the command starts.
locked() {
    local status
    exec 9<"$root/pom.xml"
    if type -P flock >/dev/null && ! flock -n 9; then
        [[ ${waited-} ]] || say "waiting for another headroom that builds …"
        waited=1
        flock 9
    fi
    "$@"
    status=$?
    exec 9<&-
    return "$status"
}

ensure_built() {
    local stale=$build
    if [[ -e $built && ! -w $built || ! -w $root/diag ]]; then
        if [[ $stale && -d $built/$stale/lib ]]; then
            say "the sources are newer than what was built, and $built cannot be written: running what was built"
            return
        fi
        say "not built yet, and $root cannot be written: build it as its owner, or copy the tree"
        exit 3
    fi
    need mvn
    locked build_unless_fresh "$stale" || exit 3
}

build_unless_fresh() {
    fresh && return
    local why='after a change' log=$root/target/build.log
    [[ $1 ]] || why='first use'
    mkdir -p "$root/target" || return 3
    # 25 and no other: the JDK that will run it. Native code, tests and their tools are not needed to run the command.
    if ! JAVA_HOME=$jdk MAVEN_OPTS="${MAVEN_OPTS-} -XX:TieredStopAtLevel=1" progress "building ($why)" "$log" \
        mvn -B -f "$root/pom.xml" -pl java,diag package -Dmaven.test.skip=true -Dformatter.skip=true; then
        grep -E '^\[ERROR\]|^Error|^mvn: ' "$log" | head -n 12 >&2
        say "the build failed. All of it: $log"
        return 3
    fi
    if ! { IFS= read -r build <"$built/current" && [[ -d $built/$build/lib ]]; } 2>/dev/null; then
        say "the build left nothing to run. All of it: $log"
        return 3
    fi
}

# A JVM with an ahead-of-time cache starts in a third of the time. Without one it only starts later, so nothing here fails.
ensure_cache() {
    [[ -w $built/$build ]] && locked train_unless_there
}

train_unless_there() {
    [[ -e $cache ]] || progress 'preparing a fast start' "$built/$build/cache.log" train || true
}

train() {
    local jar jars classpath lib=$built/$build/lib
    # picocli is compiled for Java 5, and the cache takes no class that old: give it today's class files.
    for jar in "$lib"/picocli-*.jar; do
        [[ -e $lib/../renewed || ! -e $jar ]] && continue
        "$jdk/bin/java" "$root/diag/src/launcher/RenewClasses.java" "$jar" "$lib/../renewed.jar" &&
            mv -f "$lib/../renewed.jar" "$jar" && : >"$lib/../renewed"
    done
    jars=("$lib"/*.jar)
    classpath=$(IFS=: && printf %s "${jars[*]}")
    "$jdk/bin/java" -XX:+UseSerialGC -XX:+UseCompactObjectHeaders -XX:-UsePerfData -Xms16m \
        --enable-native-access=ALL-UNNAMED -XX:AOTCacheOutput="$cache.new" -cp "$classpath" \
        dev.headroom.diag.cli.Rehearsal
    # An empty cache says: tried, and it did not work here.
    [[ -s $cache.new ]] || : >"$cache.new"
    mv -f "$cache.new" "$cache"
}
