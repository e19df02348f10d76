//! Packages of operating systems.

use layerlens::analysis::OwnerKind;

use crate::image::{Image, assert_owners, facts, owner};

fn stanza(name: &str, version: &str, fields: &str) -> String {
    format!("Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n{fields}\n")
}

/// Base in layer 1, `curl` with a library in layer 2, then `curl` again in another version.
fn debian(states: bool) -> Image {
    let base = stanza("base-files", "12", "Essential: yes\n");
    let curl = |version| stanza("curl", version, "Depends: libcurl4 (>= 7)\nRecommends: ca-certificates\n");
    let more = stanza("libcurl4", "7.88", "") + &stanza("ca-certificates", "2023", "");
    let image = Image::default()
        .step("ADD file:1 in /")
        .file("var/lib/dpkg/status", &base)
        .file("var/lib/dpkg/info/base-files.list", "/.\n/etc\n/etc/issue\n/bin/arch\n")
        .link("bin", "usr/bin")
        .sized("etc/issue", 7)
        .sized("usr/bin/arch", 10)
        .step("/bin/sh -c apt-get update && apt-get install -y curl")
        .file("var/lib/dpkg/status", &format!("{base}{}{more}", curl("7")))
        .file("var/lib/dpkg/info/curl.list", "/usr/bin/curl\n/usr/bin/.\n/usr/bin/hard\n")
        .file("var/lib/dpkg/info/libcurl4:amd64.list", "/usr/lib/libcurl.so.4\n/usr/bin/arch\n")
        .file("var/lib/dpkg/info/ca-certificates.list", "/etc/../../etc/ca\n/etc/ca.conf\n")
        .sized("usr/bin/curl", 100)
        .sized("usr/lib/libcurl.so.4", 1000)
        .sized("etc/ca.conf", 20)
        .sized("usr/bin/zcurl", 5)
        .hard_link("usr/bin/hard", "usr/bin/zcurl")
        .step("/bin/sh -c apt-get install -y curl")
        .file("var/lib/dpkg/status", &format!("{base}{}{more}", curl("8")))
        .sized("usr/bin/curl", 200);
    if states {
        image.file("var/lib/apt/extended_states", "Package: libcurl4\nArchitecture: amd64\nAuto-Installed: 1\n\n")
    } else {
        image
    }
}

#[test]
fn debian_packages_own_their_files() {
    let analysis = debian(true).analyse();
    assert_owners(
        &analysis,
        &[
            ("etc/issue", "dpkg base-files"),
            // Listed in /bin, which is a link; and of two packages the first one in the database has it.
            ("usr/bin/arch", "dpkg base-files"),
            ("usr/bin/curl", "dpkg curl"),
            ("usr/lib/libcurl.so.4", "dpkg libcurl4"),
            ("etc/ca.conf", "dpkg ca-certificates"),
            ("var/lib/dpkg/status", "none"),
        ],
    );
    let curl = owner(&analysis, OwnerKind::Dpkg, "curl");
    assert_eq!(facts(curl), ("8", Some(3), Some(true)));
    // The copy of two names counts for the first of them, which curl lists.
    assert_eq!((curl.live_bytes, curl.wasted_bytes), (200 + 5, 100));
    assert_eq!(curl.exclusive_bytes, Some(205 + 1000));
    let library = owner(&analysis, OwnerKind::Dpkg, "libcurl4");
    assert_eq!(facts(library), ("7.88", Some(2), Some(false)));
    assert_eq!((library.because.join(" "), library.is_recommended), ("curl".to_owned(), false));
    assert_eq!(facts(owner(&analysis, OwnerKind::Dpkg, "base-files")), ("12", Some(1), Some(true)));
}

#[test]
fn steps_tell_what_apt_does_not_record() {
    let analysis = debian(false).analyse();
    let asked = |name| owner(&analysis, OwnerKind::Dpkg, name).asked_for;
    assert_eq!([asked("curl"), asked("libcurl4"), asked("ca-certificates")], [Some(true), Some(false), Some(false)]);
    assert_eq!(asked("base-files"), Some(true));
    let recommended = owner(&analysis, OwnerKind::Dpkg, "ca-certificates");
    assert!(recommended.is_recommended);
    assert_eq!(recommended.because, ["curl"]);
}

/// What a step removes of a package is the package's waste, the folder being gone or not.
#[test]
fn removed_files_are_the_waste_of_their_package() {
    let analysis = Image::default()
        .step("x")
        .link("lib", "usr/lib")
        .file("var/lib/dpkg/status", &stanza("a", "1", ""))
        .file("var/lib/dpkg/info/a.list", "/usr/share/doc/a/copyright\n/usr/share/doc/a/changelog.gz\n/lib/x/y\n")
        .sized("usr/share/doc/a/copyright", 10)
        .sized("usr/share/doc/a/changelog.gz", 20)
        .sized("usr/lib/x/y", 40)
        .step("RUN rm")
        .whiteout("usr/share/doc/a/changelog.gz")
        .whiteout("usr/lib/x")
        .analyse();
    let a = owner(&analysis, OwnerKind::Dpkg, "a");
    assert_eq!((a.live_bytes, a.wasted_bytes), (10, 60));
}

#[test]
fn diverted_files_are_those_of_the_package_that_they_were_diverted_for() {
    let status = stanza("dash", "1", "") + &stanza("toybox", "2", "");
    let analysis = Image::default()
        .step("x")
        .file("var/lib/dpkg/status", &status)
        .file("var/lib/dpkg/info/dash.list", "/bin/sh\n")
        .file("var/lib/dpkg/info/toybox.list", "/bin/sh\n")
        .file("var/lib/dpkg/diversions", "/bin/sh\n/bin/sh.distrib\ntoybox\n")
        .sized("bin/sh", 3)
        .sized("bin/sh.distrib", 4)
        .analyse();
    assert_owners(&analysis, &[("bin/sh", "dpkg toybox"), ("bin/sh.distrib", "dpkg dash")]);
}

#[test]
fn images_without_dpkg_have_a_file_for_each_package() {
    let analysis = Image::default()
        .step("x")
        .file("var/lib/dpkg/status.d/tzdata", "Package: tzdata\nVersion: 1\nArchitecture: all\n")
        .file("var/lib/dpkg/status.d/tzdata.md5sums", "d41d8cd98f00b204e9800998ecf8427e  usr/share/zoneinfo/UTC\n")
        .sized("usr/share/zoneinfo/UTC", 3)
        .analyse();
    assert_owners(&analysis, &[("usr/share/zoneinfo/UTC", "dpkg tzdata")]);
    assert_eq!(owner(&analysis, OwnerKind::Dpkg, "tzdata").layer.map(layerlens::layer::LayerNumber::get), Some(1));
}

const APK: &str = "P:busybox\nV:1\nA:x86_64\nF:bin\nR:busybox\n\nP:curl\nV:8\nA:x86_64\nD:so:libcurl.so.4\nF:usr/bin\nR:curl\n\n\
                   P:libcurl\nV:8\nA:x86_64\np:so:libcurl.so.4=4.8\nF:usr/lib\nR:libcurl.so.4\n\n";

fn alpine(world: bool) -> Image {
    let image = Image::default()
        .step("ADD file:1 in /")
        .file("lib/apk/db/installed", &APK[..APK.find("P:curl").expect("it is there")])
        .sized("bin/busybox", 10)
        .step("RUN /bin/sh -c apk add --no-cache curl # buildkit")
        .file("lib/apk/db/installed", APK)
        .sized("usr/bin/curl", 100)
        .sized("usr/lib/libcurl.so.4", 1000);
    if world { image.file("etc/apk/world", "busybox\ncurl\n") } else { image }
}

#[test]
fn alpine_packages_own_their_files() {
    let analysis = alpine(true).analyse();
    assert_owners(&analysis, &[("bin/busybox", "apk busybox"), ("usr/lib/libcurl.so.4", "apk libcurl")]);
    assert_eq!(facts(owner(&analysis, OwnerKind::Apk, "busybox")), ("1", Some(1), Some(true)));
    assert_eq!(facts(owner(&analysis, OwnerKind::Apk, "libcurl")), ("8", Some(2), Some(false)));
    assert_eq!(owner(&analysis, OwnerKind::Apk, "curl").exclusive_bytes, Some(1100));
}

#[test]
fn steps_tell_what_apk_does_not_record() {
    let analysis = alpine(false).analyse();
    let asked = |name| owner(&analysis, OwnerKind::Apk, name).asked_for;
    assert_eq!([asked("curl"), asked("libcurl"), asked("busybox")], [Some(true), Some(false), None]);
}

/// A database of tests/packages/rpm: `hello` needs `base` and `/bin/sh`.
fn database(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/packages/rpm/{name}.zst", env!("CARGO_MANIFEST_DIR"));
    zstd::decode_all(std::fs::File::open(path).expect("it is there")).expect("it is zstd")
}

fn fedora(step: &str) -> Image {
    let name = |number: u32| format!("usr/share/base/a-rather-long-file-name-number-{number}");
    Image::default()
        .step("ADD file:1 in /")
        .link("bin", "usr/bin")
        .link("var/lib/rpm", "../../usr/lib/sysimage/rpm")
        .sized("usr/bin/sh", 50)
        .step(step)
        .bytes("usr/lib/sysimage/rpm/rpmdb.sqlite", &database("rpmdb.sqlite"))
        .sized("usr/bin/hello", 3)
        .sized("etc/hello.conf", 2)
        .sized("usr/share/doc/hello/README", 4)
        .sized(&name(1), 100)
        .sized(&name(42), 200)
}

#[test]
fn rpm_packages_own_their_files() {
    let analysis = fedora("RUN dnf -y install hello").analyse();
    assert_owners(
        &analysis,
        &[
            ("usr/bin/hello", "rpm hello"),
            ("etc/hello.conf", "rpm hello"),
            // The database says that documentation was left out: somebody else brought it.
            ("usr/share/doc/hello/README", "none"),
            ("usr/share/base/a-rather-long-file-name-number-42", "rpm base"),
        ],
    );
    let hello = owner(&analysis, OwnerKind::Rpm, "hello");
    assert_eq!(facts(hello), ("2:1.2-3", Some(2), Some(true)));
    assert_eq!((hello.live_bytes, hello.exclusive_bytes), (5, Some(305)));
    let base = owner(&analysis, OwnerKind::Rpm, "base");
    assert_eq!((facts(base), base.because.join(" ")), (("1.0-1", Some(2), Some(false)), "hello".to_owned()));
    assert!(analysis.warnings.is_empty(), "{:?}", analysis.warnings);
}

#[test]
fn all_formats_of_rpm_are_read() {
    for (path, name) in [
        ("var/lib/rpm/Packages", "Packages"),
        ("usr/lib/sysimage/rpm/Packages.db", "Packages.db"),
        ("usr/share/rpm/rpmdb.sqlite", "rpmdb.sqlite"),
    ] {
        let analysis = Image::default().step("x").bytes(path, &database(name)).sized("usr/bin/hello", 3).analyse();
        assert_owners(&analysis, &[("usr/bin/hello", "rpm hello")]);
    }
}

#[test]
fn what_a_step_does_not_say_is_not_known() {
    for step in ["RUN dnf -y install $PACKAGES hello", "RUN ./setup.sh", "COPY / /"] {
        let analysis = fedora(step).analyse();
        assert_eq!(owner(&analysis, OwnerKind::Rpm, "base").asked_for, None, "{step}");
    }
}

#[test]
fn dnf_records_what_was_asked_for() {
    let reasons = "version = \"1.0\"\n[packages]\n\"base.noarch\" = {reason = \"User\"}\n\
                   \"hello.noarch\" = {reason = \"Dependency\"}\n\"hello-doc.noarch\" = {reason = \"None\"}\n";
    let analysis = fedora("RUN dnf install -y hello").file("usr/lib/sysimage/libdnf5/packages.toml", reasons).analyse();
    let asked = |name| owner(&analysis, OwnerKind::Rpm, name).asked_for;
    // Where the record does not say it, the step does.
    assert_eq!([asked("base"), asked("hello"), asked("hello-doc")], [Some(true), Some(false), Some(false)]);
}

#[test]
fn zypper_records_what_came_along() {
    let analysis = fedora("RUN ./x").file("var/lib/zypp/AutoInstalled", "# zypper\nbase\n").analyse();
    let asked = |name| owner(&analysis, OwnerKind::Rpm, name).asked_for;
    assert_eq!([asked("base"), asked("hello")], [Some(false), Some(true)]);
}

#[test]
fn a_log_that_is_not_in_the_database_yet_is_a_warning() {
    let analysis = fedora("RUN x").sized("usr/lib/sysimage/rpm/rpmdb.sqlite-wal", 4096).analyse();
    assert!(analysis.warnings.iter().any(|warning| warning.message.contains("write-ahead log")));
    let empty = fedora("RUN x").sized("usr/lib/sysimage/rpm/rpmdb.sqlite-wal", 0).analyse();
    assert!(empty.warnings.is_empty(), "{:?}", empty.warnings);
}
