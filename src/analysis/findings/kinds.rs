//! What packages of operating systems are for, by their section and by their names.

/// What an asked-for package is for, where that tells whether a running program needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Building programs.
    Build,
    /// People at a prompt, and getting files.
    Tool,
    /// Anything else.
    Other,
}

/// Names of what builds programs, where the section does not say so. `*` at the end stands for anything.
const BUILD: [&str; 76] = [
    "alpine-sdk",
    "ant",
    "autoconf",
    "automake",
    "binaryen",
    "binutils",
    "bison",
    "build-base",
    "build-essential",
    "bundler",
    "byacc",
    "cargo*",
    "clang*",
    "cmake*",
    "composer",
    "corepack",
    "cpp",
    "default-jdk*",
    "dpkg-dev",
    "erlang-dev",
    "fakeroot",
    "flex",
    "g++*",
    "gcc*",
    "gfortran*",
    "ghc*",
    "go",
    "golang*",
    "gradle",
    "groovy",
    "help2man",
    "java-*-devel",
    "leiningen",
    "lld*",
    "libtool*",
    "linux-headers*",
    "llvm*",
    "m4",
    "make",
    "maven",
    "meson",
    "musl-dev",
    "nasm",
    "ninja-build",
    "ninja",
    "node-gyp",
    "npm",
    "openjdk*-jdk*",
    "patch",
    "patchelf",
    "php-dev",
    "php-pear",
    "pkg-config",
    "pkgconf*",
    "protobuf-compiler",
    "py3-pip",
    "py3-setuptools",
    "py3-virtualenv",
    "py3-wheel",
    "python3-pip",
    "python3-setuptools",
    "python3-venv",
    "python3-virtualenv",
    "python3-wheel",
    "python3-build",
    "python3-distutils",
    "ruby-bundler",
    "ruby-rake",
    "rust",
    "rustc*",
    "sbt",
    "scala",
    "swig*",
    "virtualenv",
    "yarn",
    "yarnpkg",
];

/// What builds programs, by the ends of names.
const BUILD_ENDS: [&str; 5] = ["-dev", "-devel", "-headers", "-static", "-dbgsym"];

/// Sections of Debian's packages that build programs.
const BUILD_SECTIONS: [&str; 3] = ["devel", "libdevel", "debug"];

/// Names of tools for people and transfers.
const TOOLS: [&str; 100] = [
    "apt-utils",
    "aptitude",
    "aria2",
    "atop",
    "bash-completion",
    "bat",
    "bind-tools",
    "bind-utils",
    "bind9-dnsutils",
    "bind9-host",
    "busybox-extras",
    "byobu",
    "bzr",
    "cvs",
    "curl",
    "debian-goodies",
    "dialog",
    "dnsutils",
    "dstat",
    "emacs*",
    "ethtool",
    "fd-find",
    "fish",
    "ftp",
    "fzf",
    "gdb*",
    "git",
    "git-lfs",
    "gnupg",
    "gnupg2",
    "htop",
    "httpie",
    "iftop",
    "inetutils-*",
    "info",
    "iotop",
    "iperf*",
    "iproute2",
    "iptraf*",
    "iputils",
    "iputils-*",
    "jed",
    "joe",
    "jq",
    "less",
    "lftp",
    "links",
    "locate",
    "lsb-release",
    "lsof",
    "ltrace",
    "lynx",
    "man-db",
    "mc",
    "mercurial",
    "mlocate",
    "most",
    "mtr*",
    "nano",
    "ncdu",
    "neovim",
    "net-tools",
    "netcat*",
    "ngrep",
    "nmap",
    "nmap-ncat",
    "openssh",
    "openssh-client",
    "openssh-clients",
    "p7zip*",
    "parallel",
    "perf",
    "pv",
    "ripgrep",
    "rsync",
    "screen",
    "silversearcher-ag",
    "socat",
    "software-properties-common",
    "strace",
    "subversion",
    "sysstat",
    "tcpdump",
    "telnet",
    "texinfo",
    "tig",
    "tmux",
    "traceroute",
    "tree",
    "unrar*",
    "unzip",
    "vim*",
    "w3m",
    "wget",
    "wget2",
    "whois",
    "zip",
    "zsh",
    "apt-transport-https",
    "procps",
];

/// Sections of Debian's packages that are tools.
const TOOL_SECTIONS: [&str; 2] = ["editors", "vcs"];

/// Says what a package is for.
pub(super) fn purpose(name: &str, section: &str) -> Purpose {
    let section = section.rsplit('/').next().unwrap_or_default();
    if matches(&BUILD, name) || BUILD_ENDS.iter().any(|end| name.ends_with(end)) || BUILD_SECTIONS.contains(&section) {
        return Purpose::Build;
    }
    // `apk add --virtual .build-deps …` makes a package of that name.
    if name.starts_with('.') && (name.contains("build") || name.contains("deps") || name.contains("dev")) {
        return Purpose::Build;
    }
    if matches(&TOOLS, name) || TOOL_SECTIONS.contains(&section) { Purpose::Tool } else { Purpose::Other }
}

fn matches(patterns: &[&str], name: &str) -> bool {
    patterns.iter().any(|pattern| match pattern.split_once('*') {
        None => *pattern == name,
        Some((start, end)) => {
            name.len() >= start.len() + end.trim_end_matches('*').len()
                && name.starts_with(start)
                && (end.is_empty() || name.contains(end.trim_end_matches('*')))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes() {
        for (name, section, expected) in [
            ("build-essential", "devel", Purpose::Build),
            ("libpq-dev", "libdevel", Purpose::Build),
            ("openjdk-17-jdk-headless", "java", Purpose::Build),
            ("openjdk-17-jre-headless", "java", Purpose::Other),
            ("python3-pip", "python", Purpose::Build),
            (".build-deps", "", Purpose::Build),
            ("vim-nox", "editors", Purpose::Tool),
            ("curl", "web", Purpose::Tool),
            ("libcurl4", "libs", Purpose::Other),
            ("imagemagick", "graphics", Purpose::Other),
            ("ca-certificates", "misc", Purpose::Other),
            ("nodejs", "javascript", Purpose::Other),
        ] {
            assert_eq!(purpose(name, section), expected, "{name}");
        }
    }
}
