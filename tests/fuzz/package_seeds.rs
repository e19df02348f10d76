//! Small files of package managers, each with all that its parser looks for.

/// `status`, `extended_states`, `diversions`, a list of paths, checksums, a version; apk's `installed` and `world`.
const SYSTEM: [&str; 8] = [
    "Package: bash\nEssential: yes\nStatus: install ok installed\nSource: b (1)\nArchitecture: amd64\nVersion: 5.2-2\n\
     Depends: base-files (>= 2.1.12), a:any [amd64] <!x> | b (<< 3~)\nProvides: sh (= 1), x\nConffiles:\n /etc/x 0\n .\n\n\
     Package: wget\nStatus: deinstall ok config-files\nVersion: 1:1.21\n",
    "Package: libpsl5\nArchitecture: amd64\nAuto-Installed: 1\n",
    "/bin/sh\n/bin/sh.distrib\ndash\n/usr/x\n/usr/y\n:\n",
    "/.\n/bin\n/bin/bash\n",
    "d41d8cd98f00b204e9800998ecf8427e  usr/share/zoneinfo/UTC\n",
    "1:5.36.0-7+deb12u1\n5.36.0~rc1-0.1",
    "P:zlib\nV:1.2.13-r1\nA:x86_64\no:zlib\nS:1\nI:2\nD:musl>=1 !x so:libc.so=1\np:so:libz.so.1=1.2.13\nF:lib\nR:libz.so.1\n\n",
    "alpine-base\nnginx=1.24@edge\n!mariadb\n",
];

pub fn system() -> Vec<Vec<u8>> {
    SYSTEM.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// The databases of `tests/packages/rpm`.
pub fn rpm() -> Vec<Vec<u8>> {
    let read = |name: &str| {
        let path = format!("{}/tests/packages/rpm/{name}.zst", env!("CARGO_MANIFEST_DIR"));
        zstd::decode_all(std::fs::File::open(path).expect("a fixture")).expect("it is zstd")
    };
    ["Packages", "Packages.db", "rpmdb.sqlite"].map(read).to_vec()
}

const LANGUAGES: [&str; 22] = [
    "Name: requests\nVersion: 2.31.0\nRequires-Dist: PySocks[x] (!=1.5.7,>=1.5.6) ; extra == 'socks'\nProvides-Extra: socks\n\nText\n",
    "../../bin/pip,sha256=abc,213\n\"a, \"\"b\"\".txt\",,\n",
    "[console_scripts]\ngunicorn = gunicorn.app.wsgiapp:run [x]\n",
    r#"{"dir_info": {"editable": true}, "url": "file:///app", "vcs_info": {"vcs": "git"}}"#,
    "six>=1.10\n\n[test:os_name == 'nt']\npytest\n",
    r#"{"name": "@a/b", "version": "1", "bin": "x.js", "scripts": {"start": "node ."}, "workspaces": [], "dependencies": {"c": "^1"},
        "peerDependencies": {"p": "*"}, "peerDependenciesMeta": {"p": {"optional": true}}}"#,
    r#"{"lockfileVersion": 3, "packages": {"": {"name": "a"}, "node_modules/b/node_modules/@s/c": {"version": "1", "dev": true,
        "dependencies": {"d": "1"}}}}"#,
    r#"{"lockfileVersion": 1, "dependencies": {"a": {"version": "npm:b@1", "requires": {"c": "1"}, "dependencies": {"c": {"version": "1"}}}}}"#,
    "\"a@^1\", b@2:\n  version \"1.0\"\n  dependencies:\n    c \"^1\"\n  optionalDependencies:\n    d \"1\"\n",
    "__metadata:\n  version: 8\n\n\"a@npm:^1, a@npm:2\":\n  version: 1.0\n  dependencies:\n    c: \"npm:^1\"\n  bin:\n    x: y\n",
    "# stub: debug 1.4.0 ruby lib\ns.name = \"debug\".freeze\ns.executables = [\"rdbg\".freeze]\ns.add_dependency(%q<irb>.freeze, [\">= 1\"])\n",
    "source 'x'\ngem \"rails\", '~> 7',\n  require: false # x\ngroup :development, \"test\" do\n  gem 'a', groups: %i[x y]\nend\n",
    "GEM\n  remote: https://rubygems.org/\n  specs:\n    rack-test (2.1.0)\n      rack (>= 1.3)\n\nDEPENDENCIES\n  rack-test!\n",
    r#"{"packages": [{"name": "a/b", "version": "1", "require": {"php": ">=8"}, "install-path": "../a/b"}], "dev": true,
        "dev-package-names": ["a/b"]}"#,
    r#"{"packages": [{"name": "a/b", "version": "1"}], "packages-dev": [], "require": {"a/b": "1"}, "require-dev": {}}"#,
    "org/springframework/boot/spring-boot/3.2.1/spring-boot-3.2.1.jar",
    "org.slf4j/slf4j-api/2.0.9/7cf2726fdcfbc8610f9a71fb3ed639871f315340/slf4j-api-2.0.9.jar",
    "version=2.0.9\ngroupId=org.slf4j\nartifactId=slf4j-api\n",
    "Manifest-Version: 1.0\r\nMain-Class: com.acme.Laun\r\n cher\r\nClass-Path: lib/a.jar lib/b\r\n .jar\r\n\r\nName: x\r\n",
    "github.com/!masterminds/semver/v3@v3.2.1/version.go",
    "cache/download/github.com/!masterminds/semver/v3/@v/v3.2.1.zip",
    "src/index.crates.io-6f17d22bba15001f/zstd-sys-2.0.9+zstd.1.5.5/lib.rs",
];

pub fn language() -> Vec<Vec<u8>> {
    LANGUAGES.iter().map(|text| text.as_bytes().to_vec()).collect()
}
