//! One small image for each kind of thing that is followed.

use serde_json::json;

use super::super::{Extent, How, Language};
use super::{Image, elf};

fn cmd(words: &[&str]) -> Image {
    Image::new(json!({"Cmd": words, "WorkingDir": "/app"}))
}

#[test]
fn commands_with_wrappers_links_and_a_shell() {
    let config = json!({"Entrypoint": ["/usr/bin/tini", "--", "/entry.sh"], "Cmd": ["server", "--port", "1"], "WorkingDir": "/app"});
    let found = Image::new(config)
        .program("usr/bin/tini")
        .script("entry.sh", "#!/bin/sh\n# git is not run\nset -e\nexec \"$@\"\n")
        .link("usr/bin/server", "/etc/alternatives/server")
        .link("etc/alternatives/server", "/usr/bin/server-2")
        .program("usr/bin/server-2")
        .follow();
    let links = ["/usr/bin/server", "/etc/alternatives/server", "/usr/bin/server-2"];
    found.check(&["/usr/bin/tini", "/entry.sh", "/usr/bin/sh"], &["/usr/bin/git", "/usr/bin/gcc", "/usr/bin/sleep"]);
    found.check(&links, &[]);
    assert!(found.start.tool_box.is_none() && found.start.unread.is_empty() && !found.start.is_cut);
    let tree = &found.loaded.index.tree;
    let sentence = found.start.sentence(tree, found.node("/usr/bin/server-2").expect("there"));
    assert_eq!(sentence, "CMD \"server\" → /usr/bin/server → /etc/alternatives/server → /usr/bin/server-2");

    let shell =
        cmd(&["/bin/sh", "-c", "cd /app && gosu nobody ./run.sh | curl -d @- http://x"]).program("usr/bin/gosu");
    let found = shell.script("app/run.sh", "#!/usr/bin/env -S sh -e\n").follow();
    found.check(&["/app/run.sh", "/usr/bin/gosu", "/usr/bin/curl", "/usr/bin/env", "/usr/bin/sh"], &["/usr/bin/less"]);
}

#[test]
fn health_checks_and_the_environment() {
    let config = json!({"Cmd": ["/app/x"], "Healthcheck": {"Test": ["CMD-SHELL", "curl -f localhost || exit 1"]},
        "Env": ["CONFIG=/etc/x.yml", "DATA=/srv/data/big", "JAVA_HOME=/opt/tools/jdk", "PATH=/usr/bin:/opt/y/bin"]});
    let found = Image::new(config)
        .program("app/x")
        .file("etc/x.yml", "command: git fetch\nfonts: /opt/fonts/a\n")
        .file("opt/fonts/a/b.ttf", "b")
        .file("srv/data/big/1", "1")
        .file("opt/tools/jdk/bin/java", "x")
        .file("opt/y/bin/y", "y")
        .follow();
    found.check(
        &["/usr/bin/curl", "/etc/x.yml", "/srv/data/big/1", "/usr/bin/git"],
        &["/opt/tools/jdk/bin/java", "/opt/y/bin/y", "/usr/bin/gcc"],
    );
    let start = &found.start;
    assert!(start.mentions_path(b"/opt/fonts/a/b.ttf").is_some() && start.mentions_path(b"/opt/other").is_none());
    assert!(start.mentions_path(b"/opt/tools/jdk/lib").is_some_and(|reason| reason.is_weak && reason.how == How::Env));
    assert!(start.mentions_path(b"/opt/y/bin/y").is_none(), "the search path is no reason");
    assert!(
        start.mentions(b"curl").is_some() && start.mentions(b"fetch").is_some() && start.mentions(b"wget").is_none()
    );
    assert_eq!(start.compiled, [found.node("/app/x").expect("there")]);
}

#[test]
fn scripts_name_commands_files_and_folders() {
    let script = "#!/bin/sh\n. ./lib.sh\nDIR=/opt/tool\nfor f in /in/*.c; do gcc \"$f\"; done\n\
                  V=$(git describe)\npython3 - <<EOF\nimport helper\nEOF\n\"$DIR/bin/thing\" --conf=/etc/thing.conf\n\
                  echo please make a test\nls /usr/share/doc\nxargs -n 1 curl < list\n\"$(dirname \"$0\")/other.sh\"\n";
    let found = cmd(&["./start"])
        .script("app/start", script)
        .file("app/lib.sh", "ssh x\n")
        .file("app/list", "a\n")
        .file("in/x.c", "x")
        .script("app/other.sh", "#!/bin/sh\n")
        .script("opt/tool/bin/thing", "#!/bin/sh\nsleep 1\n")
        .file("etc/thing.conf", "x\n")
        .file("usr/share/doc/a/b", "b")
        .program("usr/bin/python3")
        .file("app/helper.py", "\"\"\"less\"\"\"\n")
        .follow();
    found.check(
        &[
            "/app/lib.sh",
            "/usr/bin/ssh",
            "/usr/bin/gcc",
            "/usr/bin/git",
            "/app/helper.py",
            "/opt/tool/bin/thing",
            "/etc/thing.conf",
            "/usr/bin/curl",
            "/app/other.sh",
            "/app/list",
        ],
        &["/usr/bin/make", "/usr/bin/less", "/usr/share/doc/a/b"],
    );
    assert!(found.start.mentions_path(b"/usr/share/doc/a/b").is_some(), "a folder that is named");
    assert!(found.start.mentions_path(b"/in/x.c").is_some(), "a pattern");
}

#[test]
fn managers_and_schedules_run_what_their_files_say() {
    let found = cmd(&["supervisord", "-n"])
        .script("usr/bin/supervisord", "#!/bin/sh\n")
        .file("etc/supervisor/conf.d/cron.conf", "[program:cron]\ncommand=/usr/sbin/cron -f\nuser=root\n")
        .program("usr/sbin/cron")
        .file("etc/cron.d/job", "MAILTO=x\n*/5 * * * * root /app/job.sh >/dev/null\n@daily root git gc\n")
        .script("app/job.sh", "#!/bin/sh\ncurl x\n")
        .script("etc/cron.daily/backup", "#!/bin/sh\nssh x\n")
        .script("etc/cont-init.d/10-x", "#!/bin/sh\ngs x\n")
        .follow();
    found.check(
        &[
            "/usr/sbin/cron",
            "/etc/cron.d/job",
            "/app/job.sh",
            "/usr/bin/curl",
            "/usr/bin/git",
            "/etc/cron.daily/backup",
            "/usr/bin/ssh",
        ],
        &["/etc/cont-init.d/10-x", "/usr/bin/gs", "/usr/bin/make"],
    );
    let overlay =
        cmd(&["/init"]).script("init", "#!/bin/sh\n").script("etc/cont-init.d/10-x", "#!/bin/sh\ngs x\n").follow();
    overlay.check(&["/etc/cont-init.d/10-x", "/usr/bin/gs"], &["/usr/bin/git"]);
}

#[test]
fn libraries_are_found_where_the_loader_looks() {
    let found = cmd(&["/app/bin/x"])
        .add("app/bin/x", 0o755, &elf(&["liba.so.1", "libgone.so"], "$ORIGIN/../lib"))
        .link("app/lib/liba.so.1", "liba.so.1.2")
        .add("app/lib/liba.so.1.2", 0o644, &elf(&["libc.so.6"], ""))
        .add("usr/lib/x86_64-linux-gnu/libc.so.6", 0o755, &elf(&[], ""))
        .add("usr/lib/x86_64-linux-gnu/libother.so", 0o755, &elf(&[], ""))
        .add("opt/lib/libconf.so", 0o755, &elf(&[], ""))
        .follow();
    found.check(
        &["/app/lib/liba.so.1", "/app/lib/liba.so.1.2", "/usr/lib/x86_64-linux-gnu/libc.so.6"],
        &["/usr/lib/x86_64-linux-gnu/libother.so", "/opt/lib/libconf.so"],
    );
    assert_eq!(found.start.missing_libraries, [(found.node("/app/bin/x").expect("there"), b"libgone.so".to_vec())]);
    let configured = cmd(&["/app/x"])
        .add("app/x", 0o755, &elf(&["libconf.so"], ""))
        .file("etc/ld.so.conf.d/x.conf", "# x\n/opt/lib\n")
        .add("opt/lib/libconf.so", 0o755, &elf(&[], ""))
        .follow();
    configured.check(&["/opt/lib/libconf.so"], &[]);
}

/// A virtual environment with a server, two modules that are used, and pip.
fn python(words: &[&str]) -> Image {
    let site = "app/venv/lib/python3.11/site-packages";
    cmd(words)
        .link("app/venv/bin/python3", "/usr/bin/python3")
        .link("usr/bin/python3", "python3.11")
        .program("usr/bin/python3.11")
        .file("app/venv/pyvenv.cfg", "home = /usr/bin\ninclude-system-site-packages = false\n")
        .file("usr/lib/python3.11/os.py", "")
        .file("usr/lib/python3.11/config-3.11-x86_64-linux-gnu/libpython3.11.a", "a")
        .file("usr/lib/python3.11/ensurepip/__init__.py", "")
        .file("usr/lib/python3/dist-packages/apt/__init__.py", "")
        .script(
            "app/venv/bin/gunicorn",
            "#!/app/venv/bin/python3\nimport sys\nfrom gunicorn.app.wsgiapp import run\nsys.exit(run())\n",
        )
        .file(&format!("{site}/gunicorn/__init__.py"), "")
        .file(&format!("{site}/gunicorn-21.dist-info/RECORD"), "gunicorn/__init__.py,,\n../../../bin/gunicorn,,\n")
        .file(
            &format!("{site}/gunicorn-21.dist-info/METADATA"),
            "Name: gunicorn\nRequires-Dist: packaging\nRequires-Dist: tornado (>=1) ; extra == 'test'\n\nlong\n",
        )
        .file(&format!("{site}/packaging/__init__.py"), "")
        .file(&format!("{site}/packaging-23.dist-info/RECORD"), "packaging/__init__.py,,\n")
        .file(&format!("{site}/tornado/__init__.py"), "")
        .file(&format!("{site}/tornado-6.dist-info/RECORD"), "tornado/__init__.py,,\n")
        .file(&format!("{site}/pip/__init__.py"), "")
        .file(&format!("{site}/pip-23.dist-info/RECORD"), "pip/__init__.py,,\n")
        .file(&format!("{site}/git/__init__.py"), "")
        .file(&format!("{site}/GitPython-3.dist-info/RECORD"), "git/__init__.py,,\n")
        .file("app/main.py", "from app import views\nimport os\ndef x():\n    import late\n")
        .file("app/late.py", "")
        .file("app/unused.py", "import git\n")
}

#[test]
fn python_programs_load_their_modules() {
    let found = python(&["/app/venv/bin/gunicorn", "-b", "0.0.0.0:80", "main:app"])
        .file("app/app/__init__.py", "")
        .file("app/app/views.py", "from . import helpers\n")
        .file(
            "app/app/helpers.py",
            "import subprocess\nsubprocess.run([\"gs\", x])\nd = {\"make\": 1}\nprint(\"git is not needed\")\n",
        )
        .follow();
    let site = "/app/venv/lib/python3.11/site-packages";
    let own = [
        "/app/main.py",
        "/app/late.py",
        "/app/app/__init__.py",
        "/app/app/views.py",
        "/app/app/helpers.py",
        "/app/venv/pyvenv.cfg",
        "/usr/bin/gs",
    ];
    found.check(&own, &["/app/unused.py", "/usr/bin/git", "/usr/bin/make", "/usr/bin/gcc"]);
    let inside = |path: &str| format!("{site}/{path}");
    found.check(
        &[&inside("gunicorn/__init__.py"), &inside("packaging/__init__.py"), &inside("packaging-23.dist-info/RECORD")],
        &[],
    );
    found.check(&[], &[&inside("pip/__init__.py"), &inside("tornado/__init__.py"), &inside("git/__init__.py")]);
    let apart = [
        "/usr/lib/python3.11/config-3.11-x86_64-linux-gnu/libpython3.11.a",
        "/usr/lib/python3.11/ensurepip/__init__.py",
        "/usr/lib/python3/dist-packages/apt/__init__.py",
    ];
    found.check(&["/usr/lib/python3.11/os.py", "/usr/bin/python3", "/usr/bin/python3.11"], &apart);
    let python = found.start.interpreters.iter().find(|one| one.language == Language::Python).expect("runs");
    assert_eq!(python.program, found.node("/app/venv/bin/python3").expect("there"));
    assert_eq!(python.module_folders, [found.node(site).expect("there")]);
}

#[test]
fn a_library_says_by_the_table_which_command_it_runs() {
    let found = python(&["/app/venv/bin/python3", "-u", "/app/unused.py"]).file("app/.git/HEAD", "ref\n").follow();
    found.check(
        &["/app/unused.py", "/usr/bin/git", "/app/.git/HEAD", "/app/venv/lib/python3.11/site-packages/git/__init__.py"],
        &["/usr/bin/gcc", "/app/main.py"],
    );
    let compiles = python(&["/app/venv/bin/python3", "/app/c.py"]).file("app/c.py", "import cffi\n").follow();
    compiles.check(&["/usr/bin/gcc"], &["/usr/bin/git"]);
    assert!(compiles.start.needs_package(b"libc6-dev").is_some_and(|reason| reason.how == How::Table));
    assert!(found.start.needs_package(b"libc6-dev").is_none());
}

/// A Node program with a package, what that depends on, and a tool for developers.
fn node(words: &[&str], scripts: &str) -> Image {
    let package = |name: &str, more: &str| format!("{{\"name\": \"{name}\", \"version\": \"1.0.0\"{more}}}");
    cmd(words)
        .program("usr/bin/node")
        .script("usr/bin/npm", "#!/usr/bin/env node\nrequire('x')\n")
        .file(
            "app/package.json",
            &format!("{{\"scripts\": {{{scripts}}}, \"dependencies\": {{\"a\": \"1\", \"never\": \"1\"}}}}"),
        )
        .file("app/dist/server.js", "// require('never')\nconst a = require('a/lib'); require('./util');\n")
        .file("app/dist/util/index.js", "const fs = require('fs'); fs.readFileSync('node_modules/.cache/x/i.json');\n")
        .file("app/node_modules/.cache/x/i.json", "[]")
        .file(
            "app/node_modules/a/package.json",
            &package("a", ", \"dependencies\": {\"b\": \"1\"}, \"peerDependencies\": {\"p\": \"1\"}"),
        )
        .file("app/node_modules/a/lib.js", "require('never')\n")
        .file("app/node_modules/a/node_modules/b/package.json", &package("b", ""))
        .file("app/node_modules/b/package.json", &package("b", ""))
        .file("app/node_modules/p/package.json", &package("p", ""))
        .file("app/node_modules/never/package.json", &package("never", ""))
        .file(
            "app/node_modules/ts-node/package.json",
            &package("ts-node", ", \"peerDependencies\": {\"typescript\": \"5\"}"),
        )
        .script("app/node_modules/ts-node/bin.js", "#!/usr/bin/env node\n")
        .link("app/node_modules/.bin/ts-node", "../ts-node/bin.js")
        .file("app/node_modules/typescript/package.json", &package("typescript", ""))
        .file("app/node_modules/@types/node/package.json", &package("@types/node", ""))
        .file("app/src/server.ts", "import a from \"a\";\n")
}

#[test]
fn node_programs_load_their_packages() {
    let found = node(&["node", "dist/server.js"], "").follow();
    let reached = [
        "/usr/bin/node",
        "/app/dist/server.js",
        "/app/dist/util/index.js",
        "/app/node_modules/.cache/x/i.json",
        "/app/node_modules/a/lib.js",
        "/app/node_modules/a/node_modules/b/package.json",
        "/app/node_modules/p/package.json",
    ];
    let not = [
        "/usr/bin/npm",
        "/app/node_modules/b/package.json",
        "/app/node_modules/never/package.json",
        "/app/node_modules/typescript/package.json",
        "/app/src/server.ts",
    ];
    found.check(&reached, &not);
    assert!(found.start.launchers.is_empty());
    let package = &found.start.reached[&found.node("/app/node_modules/a").expect("there")];
    assert_eq!((package.extent, package.how), (Extent::Tree, How::Require));
}

#[test]
fn npm_is_a_launcher() {
    let found = node(&["npm", "start"], "\"start\": \"node dist/server.js\"").follow();
    found.check(
        &["/app/dist/server.js", "/app/node_modules/a/lib.js", "/usr/bin/npm"],
        &["/app/node_modules/typescript/package.json"],
    );
    let [launcher] = &found.start.launchers[..] else { panic!("{:?}", found.start.launchers) };
    assert_eq!(launcher.words, Some(vec![b"node".to_vec(), b"dist/server.js".to_vec()]));
    let only: Vec<_> = launcher.only_through_it.iter().map(|node| found.loaded.index.tree.path(*node)).collect();
    assert_eq!(only, [b"/usr/bin/npm".to_vec(), b"/usr/bin/env".to_vec(), b"/usr/bin/sh".to_vec()]);

    for (scripts, words) in [
        ("\"start\": \"node dist/server.js\", \"prestart\": \"git status\"", None),
        ("\"start\": \"NODE_ENV=x node dist/server.js\"", None),
        ("\"start\": \"node dist/server.js $PORT\"", None),
        ("\"start\": \"ts-node src/server.ts\"", None),
        ("\"start\": \"node 'dist/server.js' --a\"", Some(3)),
    ] {
        let found = node(&["npm", "start"], scripts).follow();
        assert_eq!(found.start.launchers[0].words.as_ref().map(Vec::len), words, "{scripts}");
    }
    let typed = node(&["npm", "run", "dev"], "\"dev\": \"ts-node src/server.ts\"").follow();
    typed.check(
        &[
            "/app/src/server.ts",
            "/app/node_modules/.bin/ts-node",
            "/app/node_modules/typescript/package.json",
            "/app/node_modules/@types/node/package.json",
            "/usr/bin/node",
        ],
        &["/app/dist/server.js"],
    );
}

#[test]
fn a_script_of_nothing_but_exec_is_a_launcher() {
    let start = |text: &str| cmd(&["/app/run"]).script("app/run", text).program("usr/bin/server").follow();
    let found = start("#!/bin/sh\nset -e\nexec server --port 1\n");
    let [launcher] = &found.start.launchers[..] else { panic!("one launcher") };
    assert_eq!(launcher.words.as_ref().map(|words| words.join(&b' ')), Some(b"server --port 1".to_vec()));
    found.check(&["/usr/bin/server", "/app/run", "/usr/bin/sh"], &[]);
    assert!(start("#!/bin/sh\nmkdir -p /x\nexec server\n").start.launchers.is_empty());
}

#[test]
fn java_ruby_php_and_perl() {
    let home = "usr/lib/jvm/java-17";
    let java = cmd(&["java", "-cp", "/app/x.jar:/app/lib/*", "Main"])
        .link("usr/bin/java", "../lib/jvm/java-17/bin/java")
        .program(&format!("{home}/bin/java"))
        .program(&format!("{home}/bin/javac"))
        .file(&format!("{home}/lib/modules"), "m")
        .file(&format!("{home}/jmods/a.jmod"), "m")
        .file("app/x.jar", "x")
        .file("app/lib/y.jar", "y")
        .file("app/z.jar", "z")
        .follow();
    java.check(
        &["/app/x.jar", "/app/lib/y.jar", "/usr/lib/jvm/java-17/lib/modules"],
        &["/app/z.jar", "/usr/lib/jvm/java-17/bin/javac", "/usr/lib/jvm/java-17/jmods/a.jmod"],
    );

    let lock = "GEM\n  specs:\n    puma (6.0)\n      nio4r (~> 2)\n    nio4r (2.0)\n    rspec (3.0)\n\nDEPENDENCIES\n  puma\n  rspec\n";
    let ruby = cmd(&["bundle", "exec", "puma"])
        .program("usr/bin/ruby")
        .script("usr/bin/bundle", "#!/usr/bin/ruby\n")
        .file("app/Gemfile", "gem 'puma'\ngroup :test do\n  gem 'rspec'\nend\n")
        .file("app/Gemfile.lock", lock)
        .file("app/config.ru", "require_relative 'app'\n")
        .file("app/app.rb", "require 'json'\nputs `git describe`\n")
        .file("usr/local/bundle/gems/puma-6.0/lib/puma.rb", "")
        .file("usr/local/bundle/gems/nio4r-2.0/lib/nio.rb", "")
        .file("usr/local/bundle/gems/rspec-3.0/lib/rspec.rb", "")
        .follow();
    ruby.check(
        &[
            "/usr/bin/ruby",
            "/app/app.rb",
            "/usr/bin/git",
            "/usr/local/bundle/gems/puma-6.0/lib/puma.rb",
            "/usr/local/bundle/gems/nio4r-2.0/lib/nio.rb",
        ],
        &["/usr/local/bundle/gems/rspec-3.0/lib/rspec.rb"],
    );

    let php = cmd(&["apache2-foreground"])
        .script("usr/local/bin/apache2-foreground", "#!/bin/sh\nexec apache2\n")
        .program("usr/sbin/apache2")
        .file("var/www/html/index.php", "<?php // make\necho shell_exec('gs --version');\n")
        .file("usr/local/etc/php/conf.d/gd.ini", "extension=gd\n")
        .file("usr/local/lib/php/extensions/no-debug/gd.so", "")
        .file("usr/local/lib/php/extensions/no-debug/ftp.so", "")
        .follow();
    php.check(
        &["/var/www/html/index.php", "/usr/bin/gs", "/usr/local/lib/php/extensions/no-debug/gd.so"],
        &["/usr/local/lib/php/extensions/no-debug/ftp.so", "/usr/bin/make"],
    );

    let perl = cmd(&["./x.pl"])
        .program("usr/bin/perl")
        .script("app/x.pl", "#!/usr/bin/perl -w\nuse strict;\nuse Foo::Bar qw(x);\nsystem(\"curl -s x\");\n")
        .file("usr/share/perl5/Foo/Bar.pm", "1;")
        .file("usr/share/perl5/Foo/Baz.pm", "1;")
        .follow();
    perl.check(
        &["/usr/bin/perl", "/usr/share/perl5/Foo/Bar.pm", "/usr/bin/curl"],
        &["/usr/share/perl5/Foo/Baz.pm", "/usr/bin/git"],
    );
}

#[test]
fn images_without_a_program_are_tool_boxes() {
    let idle = Image::new(json!({"Cmd": ["sleep", "infinity"]})).file("app/x", "x").follow();
    assert!(idle.start.tool_box.is_some());
    assert!(Image::new(json!({})).follow().start.tool_box.is_some());
    let works = Image::new(json!({"Entrypoint": ["/entry"], "Cmd": ["sh"]}))
        .script("entry", "#!/bin/sh\nexec \"$@\"\n")
        .follow();
    assert!(works.start.tool_box.is_none());
}

#[test]
fn what_cannot_be_read_is_said() {
    let mut garbled = b"#!/bin/sh\ngit pull\n".to_vec();
    garbled.extend([0xff, 0x00, 0x07].repeat(100));
    let found = cmd(&["./x"]).add("app/x", 0o755, &garbled).follow();
    found.check(&["/usr/bin/git", "/usr/bin/sh"], &["/usr/bin/gcc"]);
    assert_eq!(found.start.unread, [found.node("/app/x").expect("there")]);
    let image = node(&["node", "dist/big.js"], "").add("app/dist/big.js", 0o644, &garbled);
    let found = image.follow();
    found.check(&["/app/node_modules/never/package.json"], &["/app/node_modules/typescript/package.json"]);
    assert!(!found.start.unread.is_empty());
}

#[test]
fn circles_and_odd_links_end() {
    let found = cmd(&["./a"])
        .script("app/a", "#!/bin/sh\n./b\n")
        .script("app/b", "#!/app/a\n./a; . ./b; cd ..; eval ./a\n")
        .link("app/loop", "loop")
        .link("usr/bin/x", "../../app/loop")
        .script("app/c", "./loop; x\n")
        .follow();
    found.check(&["/app/a", "/app/b"], &["/app/c"]);
}

/// Words that become commands with the same words again, deep nesting, and texts that end in the middle of everything.
#[test]
fn hostile_texts_end() {
    let config = json!({"Cmd": ["/app/a.sh"], "WorkingDir": "/app", "Env": ["A=ssh \"ssh $A\" \"ssh $A\" `ssh $A`", "B=$B$B$B$B"]});
    let nested = format!("#!/bin/sh\n{}\n", "eval \"$(".repeat(300));
    let doubling = format!("#!/bin/sh\nX=aaaaaaaa\n{}sleep $X\n", "X=\"$X$X\"\n".repeat(200));
    let begun = std::time::Instant::now();
    let found = Image::new(config)
        .script(
            "app/a.sh",
            "#!/bin/sh\nssh \"ssh $A\"\n./b.sh; ./c.sh; ./d.py; node e.js; ruby f.rb; perl g.pl; php h.php\n",
        )
        .script("app/b.sh", &nested)
        .script("app/c.sh", &doubling)
        .script(
            "app/d.py",
            &format!("#!/usr/bin/python3\n{}from x import (\n{}", "import a.b.c\n".repeat(500), "(".repeat(500)),
        )
        .program("usr/bin/python3")
        .program("usr/bin/node")
        .file("app/e.js", &format!("{}require('{}/*", "import('".repeat(500), "../".repeat(500)))
        .program("usr/bin/ruby")
        .file("app/f.rb", &format!("%x({}require '{}", "require \"".repeat(500), "a/".repeat(100)))
        .program("usr/bin/perl")
        .file("app/g.pl", &"use parent qw(A::B".repeat(100))
        .program("usr/bin/php")
        .file("app/h.php", "<?php '")
        .follow();
    found.check(
        &["/app/b.sh", "/app/c.sh", "/app/d.py", "/app/e.js", "/app/f.rb", "/app/g.pl", "/app/h.php"],
        &["/usr/bin/git"],
    );
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
}

#[test]
fn more_ways_to_be_started() {
    let found = cmd(&["supervisord", "-c", "/app/s.conf"])
        .program("usr/bin/supervisord")
        .file("app/s.conf", "[program:a]\ncommand=./run.py\ndirectory=/srv/a\n[program:b]\ncommand=x\n")
        .script("srv/a/run.py", "#!/usr/bin/env python3\nimport fast\nimport pyximport\n")
        .file("srv/a/fast.pyx", "import subprocess\nsubprocess.call(['curl'])\n")
        .program("usr/bin/python3")
        .follow();
    found.check(
        &["/srv/a/run.py", "/srv/a/fast.pyx", "/usr/bin/gcc", "/usr/bin/curl"],
        &["/usr/bin/git", "/usr/bin/gs"],
    );

    let config = json!({"Entrypoint": ["ansible-playbook"], "Cmd": ["site.yml"], "WorkingDir": "/app", "Env": ["EDITOR=less -R"]});
    let found = Image::new(config)
        .script("usr/bin/ansible-playbook", "#!/usr/bin/python3\n")
        .program("usr/bin/python3")
        .file("app/site.yml", "- hosts: all\n")
        .file("app/roles/x/tasks/main.yml", "- command: git gc\n")
        .follow();
    found.check(
        &["/usr/bin/ssh", "/usr/bin/git", "/app/roles/x/tasks/main.yml", "/usr/bin/less"],
        &["/usr/bin/gcc", "/usr/bin/make"],
    );

    let busybox = Image::new(json!({"Cmd": ["crond", "-f"]}))
        .link("usr/sbin/crond", "/usr/bin/busybox")
        .program("usr/bin/busybox")
        .file("etc/crontabs/root", "*/15 * * * * run-parts /etc/periodic/15min\n0 1 * * * cd /srv && ./nightly\n")
        .script("etc/periodic/15min/x", "#!/bin/sh\ngs x\n")
        .script("srv/nightly", "#!/bin/sh\nmake all\n")
        .file("srv/Makefile", "all:\n\tgcc x.c\n")
        .follow();
    busybox.check(
        &["/etc/periodic/15min/x", "/usr/bin/gs", "/srv/nightly", "/usr/bin/make", "/usr/bin/gcc"],
        &["/usr/bin/git"],
    );
}
