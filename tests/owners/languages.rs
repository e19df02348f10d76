//! Packages of languages.

use layerlens::Analysis;
use layerlens::analysis::OwnerKind;

use crate::image::{Image, assert_owners, facts, owner};

fn asked(analysis: &Analysis, kind: OwnerKind, name: &str) -> Option<bool> {
    owner(analysis, kind, name).asked_for
}

fn gemspec(name: &str, needs: &str) -> String {
    let need = |name| format!("  s.add_runtime_dependency(%q<{name}>.freeze, [\">= 0\"])\n");
    let needs: String = needs.split_whitespace().map(need).collect();
    format!("# stub: {name} 1.0 ruby lib\n\nGem::Specification.new do |s|\n  s.name = \"{name}\"\n{needs}end\n")
}

#[test]
fn gems_own_their_folders() {
    let home = "usr/local/bundle";
    let mut image = Image::default().step("RUN bundle install");
    for (name, needs) in
        [("rails", "rack"), ("rack", ""), ("rspec", "rspec-core rack"), ("rspec-core", ""), ("stray", "")]
    {
        image = image
            .file(&format!("{home}/specifications/{name}-1.0.gemspec"), &gemspec(name, needs))
            .sized(&format!("{home}/gems/{name}-1.0/lib/{name}.rb"), 100);
    }
    let analysis = image
        .sized(&format!("{home}/extensions/x86_64-linux/3.2.0/rack-1.0/rack.so"), 7)
        .sized(&format!("{home}/cache/rails-1.0.gem"), 9)
        .sized(&format!("{home}/bundler/gems/own-0123abc/lib/own.rb"), 11)
        .sized(&format!("{home}/bin/rails"), 3)
        .file("app/Gemfile", "gem 'rails'\ngroup :development, :test do\n  gem 'rspec'\nend\n")
        // A gem's own Gemfile asks for nothing.
        .file(&format!("{home}/gems/rack-1.0/Gemfile"), "gem 'stray'\n")
        .analyse();
    assert_owners(
        &analysis,
        &[
            ("usr/local/bundle/gems/rails-1.0/lib/rails.rb", "gem rails"),
            ("usr/local/bundle/cache/rails-1.0.gem", "gem rails"),
            ("usr/local/bundle/specifications/rack-1.0.gemspec", "gem rack"),
            ("usr/local/bundle/extensions/x86_64-linux/3.2.0/rack-1.0/rack.so", "gem rack"),
            ("usr/local/bundle/bundler/gems/own-0123abc/lib/own.rb", "gem own"),
            ("usr/local/bundle/bin/rails", "none"),
            ("app/Gemfile", "none"),
        ],
    );
    let ask = |name| asked(&analysis, OwnerKind::Gem, name);
    assert_eq!(
        [ask("rails"), ask("rack"), ask("rspec"), ask("rspec-core")],
        [Some(true), Some(false), Some(true), Some(false),]
    );
    assert_eq!(ask("stray"), None);
    assert_eq!(owner(&analysis, OwnerKind::Gem, "rspec-core").because, ["rspec"]);
    assert_eq!(facts(owner(&analysis, OwnerKind::Gem, "own")).0, "0123abc");
}

#[test]
fn composer_packages_own_their_folders() {
    let installed = r#"{"packages": [
        {"name": "acme/http", "version": "2.0", "require": {"php": ">=8", "psr/log": "*"}, "install-path": "../acme/http"},
        {"name": "psr/log", "version": "3.0", "install-path": "../psr/log"},
        {"name": "phpunit/phpunit", "version": "10", "install-path": "../phpunit/phpunit"},
        {"name": "acme/inner", "version": "1", "install-path": "../acme/http/inner"},
        {"name": "evil/root", "version": "1", "install-path": "../../../../"},
        {"name": "evil/vendor", "version": "1", "install-path": ".."}],
        "dev": true, "dev-package-names": ["phpunit/phpunit"]}"#;
    let analysis = Image::default()
        .step("RUN composer install")
        .file("app/vendor/composer/installed.json", installed)
        .file("app/composer.json", r#"{"require": {"acme/http": "^2"}, "require-dev": {"phpunit/phpunit": "^10"}}"#)
        .sized("app/vendor/acme/http/src/x.php", 10)
        .sized("app/vendor/acme/http/inner/y.php", 20)
        .sized("app/vendor/psr/log/z.php", 30)
        .sized("app/vendor/phpunit/phpunit/u.php", 40)
        .sized("app/vendor/autoload.php", 5)
        .sized("etc/passwd", 6)
        .analyse();
    assert_owners(
        &analysis,
        &[
            ("app/vendor/acme/http/src/x.php", "composer acme/http"),
            ("app/vendor/acme/http/inner/y.php", "composer acme/inner"),
            ("app/vendor/phpunit/phpunit/u.php", "composer phpunit/phpunit"),
            // A record that climbs gets nothing.
            ("app/vendor/autoload.php", "none"),
            ("etc/passwd", "none"),
        ],
    );
    let ask = |name| asked(&analysis, OwnerKind::Composer, name);
    assert_eq!([ask("acme/http"), ask("psr/log"), ask("phpunit/phpunit")], [Some(true), Some(false), Some(true)]);
    assert_eq!(owner(&analysis, OwnerKind::Composer, "psr/log").because, ["acme/http"]);
}

#[test]
fn java_artifacts_have_coordinates_and_jars_names() {
    let analysis = Image::default()
        .step("RUN mvn package")
        .sized("root/.m2/repository/org/slf4j/slf4j-api/2.0.9/slf4j-api-2.0.9.jar", 100)
        .sized("root/.m2/repository/org/slf4j/slf4j-api/2.0.9/slf4j-api-2.0.9.pom", 10)
        .sized("root/.m2/repository/org/slf4j/slf4j-api/maven-metadata-central.xml", 3)
        .sized("root/.gradle/caches/modules-2/files-2.1/org.x/y/1.0/0a1b/y-1.0.jar", 50)
        .step("COPY app.jar /app/")
        .sized("app/app.jar", 1000)
        .sized("app/lib/guava-31.1-jre.jar", 200)
        .sized("opt/maven/bin/mvn", 1)
        .sized("opt/maven/conf/settings.xml", 1)
        .sized("opt/maven/lib/core-1.0.jar", 7)
        .analyse();
    assert_owners(
        &analysis,
        &[
            ("root/.m2/repository/org/slf4j/slf4j-api/2.0.9/slf4j-api-2.0.9.pom", "java org.slf4j:slf4j-api"),
            ("root/.m2/repository/org/slf4j/slf4j-api/maven-metadata-central.xml", "none"),
            ("root/.gradle/caches/modules-2/files-2.1/org.x/y/1.0/0a1b/y-1.0.jar", "java org.x:y"),
            ("app/app.jar", "java app"),
            ("app/lib/guava-31.1-jre.jar", "java guava"),
            ("opt/maven/lib/core-1.0.jar", "toolchain maven"),
        ],
    );
    let api = owner(&analysis, OwnerKind::Java, "org.slf4j:slf4j-api");
    assert_eq!((facts(api), api.live_bytes), (("2.0.9", Some(1), None), 110));
    assert_eq!(facts(owner(&analysis, OwnerKind::Java, "guava")), ("31.1-jre", Some(2), None));
}

#[test]
fn caches_of_go_and_rust_have_owners() {
    let analysis = Image::default()
        .step("RUN go build && cargo build")
        .sized("go/pkg/mod/github.com/!masterminds/semver/v3@v3.2.1/version.go", 10)
        .sized("go/pkg/mod/cache/download/github.com/!masterminds/semver/v3/@v/v3.2.1.zip", 20)
        .sized("go/pkg/mod/cache/lock", 1)
        .sized("usr/local/cargo/registry/src/index.crates.io-6f17/serde-1.0.1/src/lib.rs", 30)
        .sized("usr/local/cargo/registry/cache/index.crates.io-6f17/serde-1.0.1.crate", 40)
        .sized("usr/local/cargo/registry/index/x/config.json", 2)
        .analyse();
    let module = owner(&analysis, OwnerKind::Go, "github.com/Masterminds/semver/v3");
    assert_eq!((module.version.as_str(), module.live_bytes), ("v3.2.1", 30));
    let serde = owner(&analysis, OwnerKind::Rust, "serde");
    assert_eq!((facts(serde), serde.live_bytes), (("1.0.1", Some(1), None), 70));
    assert_owners(&analysis, &[("go/pkg/mod/cache/lock", "none")]);
}

fn manifest(name: &str, needs: &str) -> String {
    let needs: Vec<String> = needs.split_whitespace().map(|need| format!("\"{need}\": \"*\"")).collect();
    format!("{{\"name\": \"{name}\", \"version\": \"1.0.0\", \"dependencies\": {{{}}}}}", needs.join(", "))
}

#[test]
fn modules_of_npm_are_found_from_where_they_are_required() {
    let analysis = Image::default()
        .step("RUN npm ci")
        .file("app/package.json", &manifest("app", "a"))
        .file("app/node_modules/a/package.json", &manifest("a", "b @s/c"))
        .file("app/node_modules/a/node_modules/b/package.json", &manifest("b", ""))
        .file("app/node_modules/@s/c/package.json", &manifest("@s/c", ""))
        .sized("app/node_modules/a/index.js", 10)
        .sized("app/node_modules/.bin/a", 1)
        .analyse();
    assert_owners(
        &analysis,
        &[
            ("app/node_modules/a/index.js", "node a"),
            ("app/node_modules/a/node_modules/b/package.json", "node b"),
            ("app/node_modules/.bin/a", "none"),
            ("app/package.json", "none"),
        ],
    );
    let ask = |name| asked(&analysis, OwnerKind::Node, name);
    assert_eq!([ask("a"), ask("b"), ask("@s/c")], [Some(true), Some(false), Some(false)]);
    assert_eq!(owner(&analysis, OwnerKind::Node, "b").because, ["a"]);
}

#[test]
fn pnpm_keeps_modules_in_a_store_of_links() {
    let store = "app/node_modules/.pnpm";
    let analysis = Image::default()
        .step("RUN pnpm install")
        .file("app/package.json", &manifest("app", "a"))
        .link("app/node_modules/a", ".pnpm/a@1.0.0/node_modules/a")
        .file(&format!("{store}/a@1.0.0/node_modules/a/package.json"), &manifest("a", "b"))
        .link(&format!("{store}/a@1.0.0/node_modules/b"), "../../b@1.0.0/node_modules/b")
        .file(&format!("{store}/b@1.0.0/node_modules/b/package.json"), &manifest("b", ""))
        .sized(&format!("{store}/b@1.0.0/node_modules/b/index.js"), 10)
        .analyse();
    assert_owners(&analysis, &[("app/node_modules/.pnpm/b@1.0.0/node_modules/b/index.js", "node b")]);
    let ask = |name| asked(&analysis, OwnerKind::Node, name);
    assert_eq!([ask("a"), ask("b")], [Some(true), Some(false)]);
    assert_eq!(owner(&analysis, OwnerKind::Node, "b").because, ["a"]);
}

#[test]
fn archives_of_yarn_have_owners() {
    let analysis = Image::default()
        .step("RUN yarn install")
        .sized("app/.yarn/cache/@babel-core-npm-7.23.6-2b5b5a9a8d-4bddd1b803.zip", 10)
        .analyse();
    assert_eq!(facts(owner(&analysis, OwnerKind::Node, "@babel/core")), ("7.23.6", Some(1), None));
}

#[test]
fn python_distributions_own_what_they_record() {
    let site = "usr/lib/python3/site-packages";
    let analysis = Image::default()
        .step("RUN pip install a")
        .file(&format!("{site}/a-1.0.dist-info/METADATA"), "Name: A\nVersion: 1.0\nRequires-Dist: b_c\n\n")
        .file(
            &format!("{site}/a-1.0.dist-info/RECORD"),
            "a/__init__.py,,\n../../../bin/a,,\n../../../../../../etc/x,,\n",
        )
        .file(&format!("{site}/a-1.0.dist-info/INSTALLER"), "pip\n")
        .file(&format!("{site}/a-1.0.dist-info/REQUESTED"), "")
        .sized(&format!("{site}/a/__init__.py"), 10)
        .sized(&format!("{site}/a/__pycache__/__init__.cpython-311.pyc"), 20)
        .sized("usr/bin/a", 5)
        .file(&format!("{site}/b.c-2.0.dist-info/METADATA"), "Name: b.c\nVersion: 2.0\n\n")
        .file(&format!("{site}/b.c-2.0.dist-info/RECORD"), "b/__init__.py,,\n")
        .file(&format!("{site}/b.c-2.0.dist-info/INSTALLER"), "pip\n")
        .sized(&format!("{site}/b/__init__.py"), 30)
        .analyse();
    assert_owners(
        &analysis,
        &[
            ("usr/lib/python3/site-packages/a/__pycache__/__init__.cpython-311.pyc", "python A"),
            ("usr/bin/a", "python A"),
            ("usr/lib/python3/site-packages/b/__init__.py", "python b.c"),
        ],
    );
    assert_eq!(facts(owner(&analysis, OwnerKind::Python, "A")), ("1.0", Some(1), Some(true)));
    let needed = owner(&analysis, OwnerKind::Python, "b.c");
    assert_eq!((facts(needed), needed.because.join(" ")), (("2.0", Some(1), Some(false)), "A".to_owned()));
}
