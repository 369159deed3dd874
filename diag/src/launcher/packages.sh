# Sourced by the launcher and by tests/install-tools: which package brings a tool, and how this distribution installs it.
# shellcheck shell=bash

say() {
    printf 'headroom: %s\n' "$*" >&2
}

# The distribution's package manager, by the first of these on PATH.
package_manager() {
    local each
    for each in apt-get dnf yum zypper apk pacman; do
        if type -P "$each" >/dev/null; then
            printf %s "$each"
            return
        fi
    done
    return 1
}

# package_for MANAGER TOOL: the package names, one or more words.
package_for() {
    case $2:$1 in
        mvn:*) printf maven ;;
        cc:apt-get) printf 'gcc libc6-dev' ;;
        cc:apk) printf 'gcc musl-dev linux-headers' ;;
        cc:pacman) printf 'gcc' ;;
        cc:*) printf 'gcc glibc-devel' ;;
        ip:dnf | ip:yum) printf iproute ;;
        ip:*) printf iproute2 ;;
        nft:*) printf nftables ;;
        # What it recommends, a screen and firmware, no test needs.
        qemu-system-x86_64:apt-get) printf 'qemu-system-x86 --no-install-recommends' ;;
        qemu-system-x86_64:dnf) printf qemu-system-x86-core ;;
        qemu-system-x86_64:zypper) printf qemu-x86 ;;
        qemu-system-x86_64:pacman) printf qemu-system-x86 ;;
        busybox:apt-get) printf busybox-static ;;
        ncat:dnf | ncat:yum | ncat:apk) printf nmap-ncat ;;
        ncat:pacman) printf nmap ;;
        jdk:apt-get) printf openjdk-25-jdk-headless ;;
        jdk:apk) printf openjdk25-jdk ;;
        jdk:pacman) printf jdk25-openjdk ;;
        jdk:*) printf java-25-openjdk-devel ;;
        *) printf %s "$2" ;;
    esac
}

# What a tool is called among people.
name_of() {
    case $1 in
        mvn) printf Maven ;;
        cmake) printf CMake ;;
        cc) printf 'a C compiler' ;;
        ip) printf 'ip (iproute2)' ;;
        jdk) printf 'a JDK 25' ;;
        *) printf %s "$1" ;;
    esac
}

# Does the package manager offer package $2?
offers() {
    case $1 in
        apt-get) [[ $(apt-cache policy "$2" 2>/dev/null) == *"Candidate: "[0-9]* ]] ;;
        dnf | yum) "$1" -q list --available "$2" >/dev/null 2>&1 ;;
        zypper) zypper -nq search -x "$2" >/dev/null 2>&1 ;;
        apk) [[ $(apk search -e -q "$2" 2>/dev/null) ]] ;;
        pacman) pacman -Si "$2" >/dev/null 2>&1 ;;
    esac
}

# The line a person types to install packages $2… with manager $1.
install_line() {
    local manager=$1 sudo=
    shift
    is_root || sudo='sudo '
    case $manager in
        apt-get) printf '%sapt-get update && %sapt-get install -y %s' "$sudo" "$sudo" "$*" ;;
        dnf | yum) printf '%s%s install -y %s' "$sudo" "$manager" "$*" ;;
        zypper) printf '%szypper --non-interactive install %s' "$sudo" "$*" ;;
        apk) printf '%sapk add %s' "$sudo" "$*" ;;
        pacman) printf '%spacman -Sy --noconfirm %s' "$sudo" "$*" ;;
    esac
}

is_root() {
    [[ $(id -u) == 0 ]]
}

# May we install without asking? HEADROOM_YES=1 says so, and so does root where nobody sits at a terminal.
allowed() {
    [[ ${HEADROOM_YES-} == 1 ]] || { is_root && [[ ! -t 0 ]]; }
}

# install_tools TOOL…: installs what brings them, after naming it: asked on a terminal, at once where allowed. Returns 3,
# with the line to type, where it may not; the package manager's own words go to stderr only if it fails.
install_tools() {
    local manager tool line answer output names= packages=()
    for tool; do
        names+=${names:+, }$(name_of "$tool")
    done
    if ! manager=$(package_manager); then
        say "$names is needed and not here, and no package manager known to headroom either; install it and try again"
        return 3
    fi
    for tool; do
        # shellcheck disable=SC2207 # package names are words
        packages+=($(package_for "$manager" "$tool"))
    done
    line=$(install_line "$manager" "${packages[@]}")
    if ! allowed; then
        if [[ -t 0 && -t 2 ]]; then
            printf 'headroom: %s is needed and not here. Run "%s" now? [y/N] ' "$names" "$line" >&2
            read -r answer
            if [[ $answer != [yY]* ]]; then
                say "then nothing was installed. The line, for later: $line"
                return 3
            fi
        else
            say "$names is needed and not here. Install it with: $line"
            return 3
        fi
    fi
    say "installing $names: $line"
    if ! output=$(DEBIAN_FRONTEND=noninteractive bash -c "$line" </dev/null 2>&1); then
        tail -n 8 <<<"$output" >&2
        say "that did not work; see above"
        return 3
    fi
    hash -r
}
