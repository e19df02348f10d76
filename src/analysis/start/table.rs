//! What libraries and commands need that no package and no text says: the only place for such knowledge.
//!
//! A rule fires when a command runs (`cmd:`), when a tool is used to build or install (`run:`), or when a module is imported:
//! Python's (`py:`, module or distribution), Node's (`npm:`), Ruby's (`gem:`), Perl's (`perl:`), PHP's (`php:`). A rule for
//! modules that are in many dependencies, but rarely used for what the rule is about, fires on an import of the user's
//! own alone ([`Rule::only_direct`]).

use foldhash::HashMap;

use super::Language;
use super::reason::{How, Reason};
use super::walk::{Here, Job, Walk};
use crate::layer::entry::NodeId;

/// What something needs beside what it says.
pub(super) struct Rule {
    pub(super) when: &'static [&'static str],
    /// Commands, where the image has them.
    pub(super) commands: &'static [&'static str],
    /// Data that is read: paths, `~` is the user's home, `*` a whole component.
    pub(super) data: &'static [&'static str],
    /// Packages of the operating system, under all names that distributions give them.
    pub(super) packages: &'static [&'static str],
    /// Files of the project: in the working directory, the folder of the text, or above.
    pub(super) project: &'static [&'static str],
    /// Whether only the user's own import counts.
    pub(super) only_direct: bool,
}

const NOTHING: Rule = Rule { when: &[], commands: &[], data: &[], packages: &[], project: &[], only_direct: false };

/// Files of a folder of the project that are looked at.
const MOST_PROJECT_FILES: usize = 5_000;

const C_PACKAGES: &[&str] = &[
    "libc6-dev",
    "libc-dev",
    "linux-libc-dev",
    "libcrypt-dev",
    "musl-dev",
    "glibc-devel",
    "glibc-headers",
    "kernel-headers",
    "libc-dev-bin",
    "binutils",
];
const PYTHON_HEADERS: &[&str] = &[
    "libpython3-dev",
    "libpython3.7-dev",
    "libpython3.8-dev",
    "libpython3.9-dev",
    "libpython3.10-dev",
    "libpython3.11-dev",
    "libpython3.12-dev",
    "libpython3.13-dev",
    "libpython3.14-dev",
    "python3-devel",
    "libc6-dev",
    "libc-dev",
    "linux-libc-dev",
    "libcrypt-dev",
    "musl-dev",
    "glibc-devel",
    "gcc",
    "g++",
    "gcc-c++",
    "cpp",
    "binutils",
];

#[rustfmt::skip]
const RULES: &[Rule] = &[
    // Compilers read headers, and run the assembler and the linker.
    Rule { when: &["cmd:gcc", "cmd:cc", "cmd:c89", "cmd:c99", "cmd:clang", "cmd:g++", "cmd:c++", "cmd:clang++", "cmd:tcc", "cmd:gfortran", "cmd:nvcc"],
        commands: &["as", "ld", "cpp"], data: &["/usr/include", "/usr/local/include", "/usr/lib/gcc"], packages: C_PACKAGES, ..NOTHING },
    Rule { when: &["cmd:nvcc", "cmd:cmake", "cmd:meson", "cmd:ninja", "cmd:go-build"], commands: &["gcc", "g++", "cc", "c++", "make", "ninja"], ..NOTHING },
    // Modules that compile when they run.
    Rule { when: &["py:cffi", "py:pyximport", "py:cython", "py:Cython", "py:distutils", "py:setuptools", "py:pybind11", "py:torch.utils.cpp_extension",
            "py:torch.utils", "py:triton", "py:numba.pycc", "py:pycc", "py:cppyy", "py:weave", "py:instant", "py:dijitso"],
        commands: &["cc", "gcc", "g++", "c++"], data: &["/usr/include"], packages: PYTHON_HEADERS, only_direct: true, ..NOTHING },
    Rule { when: &["py:pyximport", "py:theano", "py:pytensor", "py:aesara", "py:pystan", "py:cmdstanpy", "py:pythran", "py:brian2", "py:tinygrad"],
        commands: &["cc", "gcc", "g++", "c++", "make"], data: &["/usr/include"], packages: PYTHON_HEADERS, ..NOTHING },
    Rule { when: &["npm:node-gyp", "npm:node-pre-gyp", "gem:rubyinline", "gem:inline", "gem:ffi-compiler", "gem:mkmf", "perl:Inline", "perl:Inline::C", "perl:ExtUtils::CBuilder", "gem:fiddle-import"],
        commands: &["cc", "gcc", "g++", "make", "python3"], data: &["/usr/include"], packages: C_PACKAGES, only_direct: true, ..NOTHING },
    Rule { when: &["gem:rubyinline", "gem:RubyInline", "perl:Inline::C"], commands: &["cc", "gcc", "make"], data: &["/usr/include"], packages: C_PACKAGES, ..NOTHING },
    // `find_library` asks the loader's list, then the compiler and the linker.
    Rule { when: &["py:ctypes.util"], commands: &["ldconfig", "gcc", "cc", "ld", "objdump"], packages: &["binutils", "libc-bin"], only_direct: true, ..NOTHING },
    Rule { when: &["py:django.contrib.gis", "py:django.contrib.gis.db"], commands: &["ldconfig", "ld", "objdump"],
        packages: &["binutils", "gdal-bin", "libgdal-dev", "libproj-dev", "libgeos-c1v5", "libgdal28", "libgdal32", "libgdal36", "gdal", "geos", "proj"], ..NOTHING },
    Rule { when: &["cmd:go"], commands: &["gofmt"], data: &["~/go", "/go", "~/.cache/go-build", "/usr/local/go", "/usr/lib/go"], project: &["go.mod", "go.sum", "vendor"],
        packages: &["golang-go", "golang", "golang-src"], ..NOTHING },
    Rule { when: &["cmd:cargo", "cmd:rustc"], commands: &["rustc", "cc", "gcc"], data: &["~/.cargo", "~/.rustup", "/usr/local/cargo", "/usr/local/rustup"],
        project: &["Cargo.toml", "Cargo.lock", "target", "src"], packages: &["libstd-rust-dev", "rust-std"], ..NOTHING },
    // Git, its work tree, and what speaks for it over the network.
    Rule { when: &["py:git", "py:gitpython", "npm:simple-git", "npm:simple-git/promise", "npm:nodegit", "npm:git-describe", "npm:git-rev", "npm:gitlog", "npm:degit",
            "gem:git", "gem:rugged", "gem:ruby-git", "gem:grit", "perl:Git", "perl:Git::Repository", "py:setuptools_scm", "py:versioneer", "py:dvc", "py:pre-commit", "py:giturlparse", "py:sh.git"],
        commands: &["git", "ssh"], project: &[".git"], ..NOTHING },
    Rule { when: &["cmd:git"], project: &[".git"], ..NOTHING },
    Rule { when: &["cmd:git-lfs", "cmd:gh", "cmd:hub", "cmd:tig", "cmd:lazygit", "cmd:gitea", "cmd:gogs", "cmd:git-crypt", "cmd:repo"], commands: &["git", "git-lfs", "ssh", "ssh-keygen"], ..NOTHING },
    Rule { when: &["run:git-remote"], commands: &["ssh"], packages: &["ca-certificates", "openssh-client", "openssh-client-default", "openssh-clients"], ..NOTHING },
    Rule { when: &["cmd:composer", "cmd:bower"], commands: &["git", "unzip", "php"], data: &["~/.composer", "~/.cache/composer"], ..NOTHING },
    // Remote hands.
    Rule { when: &["cmd:ansible", "cmd:ansible-playbook", "cmd:ansible-pull", "cmd:ansible-runner", "cmd:ansible-console", "py:ansible", "py:ansible-core", "py:ansible_runner", "py:ansible-runner"],
        commands: &["ansible-playbook", "ansible", "ssh", "ssh-keygen", "ssh-agent", "ssh-add", "scp", "sftp", "sshpass", "rsync"],
        packages: &["openssh-client", "openssh-clients", "openssh-client-default", "sshpass"], data: &["/etc/ansible", "~/.ansible", "/usr/share/ansible"],
        project: &["roles", "tasks", "playbooks", "group_vars", "host_vars", "inventory", "library", "collections", "ansible.cfg"], ..NOTHING },
    Rule { when: &["cmd:ansible-pull"], commands: &["git"], ..NOTHING },
    Rule { when: &["cmd:scp", "cmd:sftp", "cmd:rsync", "cmd:autossh", "cmd:sshpass", "cmd:mosh", "cmd:sshfs", "cmd:pdsh", "cmd:cap", "cmd:capistrano", "gem:capistrano", "gem:sshkit", "npm:node-ssh-exec", "cmd:salt-ssh", "py:sshtunnel-cli"],
        commands: &["ssh", "ssh-keygen"], packages: &["openssh-client", "openssh-clients"], ..NOTHING },
    Rule { when: &["cmd:terraform", "cmd:tofu", "cmd:helm", "cmd:kustomize"], commands: &["git", "ssh"], data: &["~/.terraform.d", "~/.config/helm", "~/.cache/helm"], ..NOTHING },
    // Images and documents.
    Rule { when: &["cmd:convert", "cmd:magick", "cmd:mogrify", "cmd:identify", "cmd:montage", "cmd:composite", "cmd:compare", "cmd:convert-im6.q16", "cmd:identify-im6.q16",
            "py:wand", "py:Wand", "py:pgmagick", "py:PythonMagick", "gem:rmagick", "gem:mini_magick", "gem:minimagick", "npm:gm", "npm:imagemagick", "npm:node-imagemagick", "php:imagick", "perl:Image::Magick"],
        commands: &["convert", "identify", "mogrify", "composite", "montage", "magick", "gs"], data: &["/etc/ImageMagick-6", "/etc/ImageMagick-7"],
        packages: &["ghostscript", "imagemagick-6-common", "imagemagick-common"], ..NOTHING },
    Rule { when: &["npm:gm", "cmd:gm"], commands: &["gm", "gs"], ..NOTHING },
    Rule { when: &["cmd:gs", "cmd:ps2pdf", "cmd:pdf2ps", "cmd:ps2ascii", "cmd:eps2eps", "cmd:epstopdf", "py:ghostscript", "py:camelot", "py:camelot-py", "npm:ghostscript4js"],
        commands: &["gs"], data: &["/usr/share/ghostscript", "/var/lib/ghostscript", "/usr/share/color/icc/ghostscript"],
        packages: &["libgs9-common", "libgs10-common", "libgs-common", "fonts-urw-base35", "gsfonts", "poppler-data", "ghostscript-fonts"], ..NOTHING },
    Rule { when: &["cmd:pandoc", "py:pypandoc", "npm:node-pandoc", "npm:pandoc", "gem:pandoc-ruby"],
        commands: &["pandoc", "pdflatex", "xelatex", "lualatex", "wkhtmltopdf", "weasyprint", "rsvg-convert", "typst", "tectonic"],
        packages: &["lmodern", "fonts-lmodern", "texlive-latex-recommended", "texlive-fonts-recommended", "texlive-latex-base", "texlive-base", "pandoc-data", "tex-gyre"],
        data: &["~/.pandoc", "~/.local/share/pandoc", "/usr/share/pandoc"], ..NOTHING },
    Rule { when: &["cmd:pdflatex", "cmd:latex", "cmd:pdftex", "cmd:tex", "cmd:xelatex", "cmd:xetex", "cmd:lualatex", "cmd:luatex", "cmd:latexmk", "cmd:bibtex", "cmd:biber", "py:pylatex", "py:latex", "gem:rails-latex", "npm:node-latex"],
        commands: &["pdflatex", "kpsewhich", "mktexpk", "mktexfmt"], data: &["/var/lib/texmf", "/etc/texmf", "~/texmf", "~/.texlive*", "~/.texmf-var"],
        packages: &["texlive-base", "texlive-latex-base", "texlive-binaries", "tex-common"], ..NOTHING },
    Rule { when: &["cmd:xelatex", "cmd:lualatex", "cmd:xetex", "cmd:luatex"], commands: &["fc-list"], data: &["/usr/share/fonts", "/usr/local/share/fonts"],
        packages: &["lmodern", "fonts-lmodern", "texlive-xetex", "texlive-luatex", "fontconfig"], ..NOTHING },
    Rule { when: &["cmd:latexmk", "cmd:texdoc", "cmd:pdfcrop"], commands: &["perl"], ..NOTHING },
    Rule { when: &["cmd:man", "cmd:apropos", "cmd:whatis", "cmd:mandb", "cmd:catman", "cmd:lexgrog", "cmd:man.1"],
        commands: &["groff", "nroff", "troff", "grotty", "preconv", "tbl", "mandb", "manpath"], data: &["/usr/share/man", "/usr/local/share/man", "/usr/man", "/var/cache/man", "/usr/share/groff"],
        packages: &["man-db", "groff-base", "groff", "manpages", "man-pages", "mandoc", "mandoc-apropos"], ..NOTHING },
    Rule { when: &["cmd:info", "cmd:groff", "cmd:nroff"], data: &["/usr/share/info", "/usr/share/groff"], packages: &["groff-base"], ..NOTHING },
    Rule { when: &["cmd:help2man", "cmd:yelp"], data: &["/usr/share/doc", "/usr/share/help"], ..NOTHING },
    Rule { when: &["py:weasyprint", "cmd:weasyprint"], data: &["/usr/share/fonts", "/usr/local/share/fonts", "/etc/fonts", "/usr/share/fontconfig"],
        packages: &["libpango-1.0-0", "libpangoft2-1.0-0", "libpangocairo-1.0-0", "libharfbuzz0b", "libharfbuzz-subset0", "libcairo2", "libgdk-pixbuf-2.0-0", "libgdk-pixbuf2.0-0", "pango", "fontconfig", "fonts-dejavu-core", "shared-mime-info", "libffi8"], ..NOTHING },
    Rule { when: &["py:cairosvg", "py:cairocffi"], packages: &["libcairo2", "cairo"], data: &["/usr/share/fonts", "/etc/fonts"], ..NOTHING },
    Rule { when: &["py:pdfkit", "py:imgkit", "gem:pdfkit", "gem:wicked_pdf", "gem:imgkit", "npm:wkhtmltopdf", "npm:wkhtmltoimage", "cmd:wkhtmltopdf"],
        commands: &["wkhtmltopdf", "wkhtmltoimage", "xvfb-run"], data: &["/usr/share/fonts", "/etc/fonts"], packages: &["fontconfig"], ..NOTHING },
    Rule { when: &["cmd:xvfb-run", "py:xvfbwrapper", "py:pyvirtualdisplay", "gem:headless"], commands: &["Xvfb", "xauth", "xdpyinfo"], packages: &["xauth", "xvfb"], ..NOTHING },
    Rule { when: &["cmd:libreoffice", "cmd:soffice", "cmd:unoconv", "cmd:unoserver", "cmd:lowriter", "npm:libreoffice-convert", "py:unoserver", "gem:libreconv", "gem:docsplit"],
        commands: &["soffice", "libreoffice", "java"], data: &["/usr/share/fonts", "/usr/local/share/fonts", "/etc/fonts", "/usr/lib/libreoffice"], packages: &["fontconfig", "fonts-dejavu-core", "fonts-liberation", "fonts-liberation2", "libreoffice-java-common"], ..NOTHING },
    Rule { when: &["py:pdf2image", "py:pdftotext", "npm:pdf-poppler", "npm:node-poppler", "gem:pdftoimage", "npm:pdf-image"], commands: &["pdftoppm", "pdfinfo", "pdftocairo", "pdftotext", "pdftohtml", "convert"], packages: &["poppler-utils", "poppler-data"], ..NOTHING },
    Rule { when: &["py:pytesseract", "py:tesserocr", "cmd:tesseract", "npm:node-tesseract-ocr", "npm:tesseractocr", "gem:rtesseract"], commands: &["tesseract"],
        data: &["/usr/share/tesseract-ocr", "/usr/share/tessdata"], packages: &["tesseract-ocr-eng", "tesseract-ocr-osd", "tesseract-ocr-data-eng"], ..NOTHING },
    Rule { when: &["py:ocrmypdf", "cmd:ocrmypdf"], commands: &["tesseract", "gs", "unpaper", "pngquant", "jbig2", "qpdf"], packages: &["tesseract-ocr-eng", "ghostscript"], ..NOTHING },
    Rule { when: &["py:unstructured", "py:textract"], commands: &["tesseract", "pdftoppm", "pdftotext", "soffice", "pandoc", "antiword", "unrtf", "gs"], packages: &["libmagic1"], ..NOTHING },
    Rule { when: &["py:graphviz", "py:pydot", "py:pydotplus", "py:pygraphviz", "py:diagrams", "py:objgraph", "py:eralchemy", "npm:graphviz", "npm:node-graphviz", "gem:ruby-graphviz", "gem:rails-erd", "cmd:dot", "cmd:plantuml", "perl:GraphViz"],
        commands: &["dot", "neato", "fdp", "sfdp", "circo", "twopi"], data: &["/usr/share/fonts", "/etc/fonts"], packages: &["graphviz", "fonts-liberation", "fonts-liberation2", "fontconfig", "libgvc6"], ..NOTHING },
    Rule { when: &["cmd:plantuml", "cmd:pdftk", "cmd:tika", "py:tabula", "py:tabula-py", "py:tika", "py:jpype", "py:JPype1", "py:jpype1", "py:konlpy", "py:h2o", "py:language_tool_python", "py:pyjnius", "py:py4j", "npm:java", "npm:node-java"],
        commands: &["java"], ..NOTHING },
    Rule { when: &["py:pyspark"], commands: &["java", "ps", "bash"], packages: &["procps"], ..NOTHING },
    // Sound and pictures that move.
    Rule { when: &["py:moviepy", "py:pydub", "py:ffmpeg", "py:ffmpeg-python", "py:ffmpy", "py:whisper", "py:openai-whisper", "py:yt_dlp", "py:youtube_dl", "py:audioread", "py:imageio_ffmpeg", "py:torchaudio", "py:vidgear", "py:scenedetect", "py:demucs", "py:spleeter", "py:gtts-player",
            "cmd:yt-dlp", "cmd:youtube-dl", "cmd:streamlink", "npm:fluent-ffmpeg", "npm:ffmpeg", "npm:ffmpeg-cli", "npm:prism-media", "npm:@discordjs/voice", "gem:streamio-ffmpeg", "gem:video_info", "gem:carrierwave-video"],
        commands: &["ffmpeg", "ffprobe", "avconv"], ..NOTHING },
    Rule { when: &["py:sox", "py:pysox", "npm:sox-audio"], commands: &["sox", "soxi"], packages: &["libsox-fmt-all", "libsox-fmt-mp3"], ..NOTHING },
    Rule { when: &["py:pyttsx3"], commands: &["espeak", "espeak-ng", "aplay"], ..NOTHING },
    Rule { when: &["py:phonemizer"], commands: &["espeak-ng", "espeak", "festival"], packages: &["espeak-ng-data"], ..NOTHING },
    Rule { when: &["py:exiftool", "py:pyexiftool", "npm:exiftool-vendored", "npm:node-exiftool", "npm:exiftool", "gem:mini_exiftool"], commands: &["exiftool", "perl"], ..NOTHING },
    // Browsers.
    Rule { when: &["py:selenium", "py:splinter", "py:seleniumwire", "py:undetected_chromedriver", "py:pyppeteer", "py:playwright", "py:robot", "py:webdriver_manager", "py:html2image", "py:kaleido", "py:helium",
            "npm:puppeteer", "npm:puppeteer-core", "npm:playwright", "npm:playwright-core", "npm:playwright-chromium", "npm:selenium-webdriver", "npm:chrome-launcher", "npm:lighthouse", "npm:webdriverio", "npm:chrome-aws-lambda", "npm:md-to-pdf", "npm:@mermaid-js/mermaid-cli", "npm:mermaid-cli", "npm:html-pdf-node",
            "gem:selenium-webdriver", "gem:capybara", "gem:ferrum", "gem:cuprite", "gem:grover", "gem:apparition", "gem:watir", "perl:Selenium::Chrome", "cmd:chromedriver", "cmd:mmdc"],
        commands: &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "chromedriver", "firefox", "firefox-esr", "geckodriver", "xvfb-run", "Xvfb"],
        data: &["~/.cache/ms-playwright", "~/.cache/puppeteer", "~/.cache/selenium", "~/.cache/pyppeteer", "/ms-playwright", "/root/.cache/ms-playwright", "/root/.cache/puppeteer", "/usr/share/fonts", "/etc/fonts", "~/.local/share/pyppeteer", "~/.wdm"],
        packages: &["chromium-driver", "chromium-common", "chromium-sandbox", "chromium-chromedriver", "fonts-liberation", "fontconfig", "nss", "freetype", "harfbuzz", "ttf-freefont"], ..NOTHING },
    Rule { when: &["cmd:chromium", "cmd:chromium-browser", "cmd:google-chrome", "cmd:google-chrome-stable", "cmd:firefox", "cmd:firefox-esr"], data: &["/usr/share/fonts", "/etc/fonts", "/usr/lib/chromium", "/etc/chromium", "/etc/chromium.d"],
        packages: &["chromium-common", "chromium-sandbox", "fontconfig", "fonts-liberation", "libu2f-udev"], ..NOTHING },
    // Models and corpora that are loaded by name.
    Rule { when: &["py:nltk", "py:textblob"], data: &["~/nltk_data", "/usr/share/nltk_data", "/usr/local/share/nltk_data", "/usr/lib/nltk_data", "/usr/local/lib/nltk_data", "/root/nltk_data"], ..NOTHING },
    Rule { when: &["py:transformers", "py:huggingface_hub", "py:huggingface-hub", "py:sentence_transformers", "py:sentence-transformers", "py:datasets", "py:diffusers", "py:torch", "py:torchvision", "py:faster_whisper", "py:whisper", "py:openai-whisper", "py:easyocr", "py:keras", "py:tensorflow", "py:tensorflow_hub", "py:spacy", "py:stanza", "py:gensim", "py:paddleocr", "py:chromadb", "py:fastembed", "py:tiktoken", "py:argostranslate", "py:insightface", "py:deepface", "py:rembg", "py:TTS"],
        data: &["~/.cache/huggingface", "~/.cache/torch", "~/.cache/whisper", "~/.EasyOCR", "~/.keras", "~/stanza_resources", "~/gensim-data", "~/.paddleocr", "~/.cache/chroma", "~/.local/share/argos-translate", "~/.insightface", "~/.deepface", "~/.u2net", "~/.cache/tfhub_modules", "~/.local/share/tts",
            "/root/.cache/huggingface", "/root/.cache/torch", "/root/.cache/whisper"], ..NOTHING },
    Rule { when: &["npm:@xenova/transformers", "npm:@huggingface/transformers"], data: &["~/.cache/huggingface"], project: &["models"], ..NOTHING },
    Rule { when: &["py:matplotlib"], data: &["~/.cache/matplotlib", "~/.config/matplotlib", "/usr/share/fonts"], ..NOTHING },
    // Libraries that are loaded by name.
    Rule { when: &["py:magic", "py:python-magic", "py:python_magic", "gem:ruby-filemagic", "npm:mmmagic", "cmd:file"], data: &["/usr/share/misc/magic.mgc", "/usr/lib/file", "/etc/magic"], packages: &["libmagic1", "libmagic1t64", "libmagic-mgc", "file-libs", "libmagic"], ..NOTHING },
    Rule { when: &["py:pyzbar"], packages: &["libzbar0", "libzbar0t64", "zbar"], ..NOTHING },
    Rule { when: &["py:soundfile", "py:librosa"], packages: &["libsndfile1", "libsndfile"], ..NOTHING },
    Rule { when: &["py:pyaudio", "py:sounddevice"], packages: &["libportaudio2", "portaudio"], ..NOTHING },
    Rule { when: &["py:psycopg", "py:psycopg2", "gem:pg", "npm:pg-native"], packages: &["libpq5", "libpq", "postgresql-libs"], ..NOTHING },
    Rule { when: &["py:MySQLdb", "py:mysqlclient", "gem:mysql2"], packages: &["libmariadb3", "mariadb-common", "mysql-common", "mariadb-connector-c"], ..NOTHING },
    Rule { when: &["py:pyodbc", "py:turbodbc", "npm:odbc", "npm:msnodesqlv8", "gem:ruby-odbc", "perl:DBD::ODBC"], data: &["/etc/odbcinst.ini", "/etc/odbc.ini", "/opt/microsoft"], packages: &["unixodbc", "odbcinst", "libodbc2", "msodbcsql17", "msodbcsql18", "tdsodbc", "odbc-postgresql", "libsqliteodbc", "unixODBC"], ..NOTHING },
    Rule { when: &["py:cx_Oracle", "py:oracledb", "npm:oracledb"], data: &["/opt/oracle", "/usr/lib/oracle"], packages: &["libaio1", "libaio1t64", "libaio"], ..NOTHING },
    Rule { when: &["py:gi"], data: &["/usr/lib/*/girepository-1.0", "/usr/lib/girepository-1.0"], packages: &["gir1.2-glib-2.0", "gir1.2-gtk-3.0", "gobject-introspection"], ..NOTHING },
    Rule { when: &["py:enchant"], packages: &["libenchant-2-2", "enchant-2", "aspell-en", "hunspell-en-us"], ..NOTHING },
    Rule { when: &["py:usb", "py:pyusb"], packages: &["libusb-1.0-0", "libusb"], ..NOTHING },
    Rule { when: &["py:pylibdmtx"], packages: &["libdmtx0b", "libdmtx0a"], ..NOTHING },
    Rule { when: &["py:zoneinfo", "py:dateutil.tz"], data: &["/usr/share/zoneinfo"], packages: &["tzdata"], only_direct: true, ..NOTHING },
    Rule { when: &["py:gnupg", "py:python-gnupg", "npm:gpg", "gem:gpgme", "perl:GnuPG", "cmd:gpg", "cmd:gpg2", "cmd:duplicity", "cmd:pass", "cmd:sops"], commands: &["gpg", "gpg-agent", "gpgconf", "pinentry"], packages: &["gnupg", "gpg", "gpg-agent", "gpgconf", "dirmngr", "pinentry-curses"], ..NOTHING },
    Rule { when: &["py:rpy2", "cmd:R", "cmd:Rscript"], commands: &["R", "Rscript"], data: &["/usr/lib/R", "/usr/share/R", "/usr/local/lib/R", "/etc/R"], packages: &["r-base-core", "r-recommended"], ..NOTHING },
    Rule { when: &["py:oct2py"], commands: &["octave", "octave-cli", "gnuplot"], ..NOTHING },
    Rule { when: &["py:gnuplot", "py:Gnuplot", "cmd:gnuplot"], commands: &["gnuplot"], packages: &["gnuplot-nox", "gnuplot-data"], ..NOTHING },
    Rule { when: &["py:rarfile"], commands: &["unrar", "unar", "bsdtar", "7z"], ..NOTHING },
    Rule { when: &["py:patoolib", "py:patool", "py:pyunpack", "npm:node-7z", "npm:7zip-bin"], commands: &["7z", "7za", "unrar", "unzip", "zip", "tar", "xz", "bzip2", "gzip", "lha", "cabextract"], ..NOTHING },
    Rule { when: &["py:nmap", "py:python-nmap", "npm:node-nmap"], commands: &["nmap"], data: &["/usr/share/nmap"], packages: &["nmap-common"], ..NOTHING },
    Rule { when: &["py:scapy"], commands: &["tcpdump", "tshark"], packages: &["libpcap0.8", "libpcap0.8t64", "libpcap"], ..NOTHING },
    Rule { when: &["py:pyshark"], commands: &["tshark", "dumpcap"], packages: &["wireshark-common"], ..NOTHING },
    Rule { when: &["py:pexpect", "perl:Expect"], commands: &["expect"], only_direct: true, ..NOTHING },
    // Tools of interactive work.
    Rule { when: &["cmd:jupyter", "cmd:jupyter-lab", "cmd:jupyter-notebook", "cmd:jupyterhub", "py:jupyterlab", "py:notebook", "py:nbconvert"],
        commands: &["pandoc", "xelatex", "git"], data: &["~/.jupyter", "~/.local/share/jupyter", "/usr/share/jupyter", "/usr/local/share/jupyter", "/usr/local/etc/jupyter", "/etc/jupyter"], ..NOTHING },
    Rule { when: &["cmd:vim", "cmd:vi", "cmd:view"], data: &["/usr/share/vim", "/etc/vim"], packages: &["vim-runtime", "vim-common"], ..NOTHING },
    Rule { when: &["cmd:code-server", "cmd:theia", "cmd:ttyd", "cmd:gotty", "cmd:wetty"], commands: &["git", "bash", "ssh"], ..NOTHING },
    // Package managers that run when the container does.
    Rule { when: &["cmd:apt", "cmd:apt-get", "cmd:aptitude", "cmd:apt-cache", "py:apt", "py:apt_pkg", "cmd:unattended-upgrade"], commands: &["dpkg", "gpgv", "apt-config"],
        data: &["/var/lib/apt/lists", "/var/cache/apt", "/etc/apt", "/var/lib/dpkg", "/usr/share/keyrings"], packages: &["apt", "dpkg", "gpgv", "debian-archive-keyring", "ubuntu-keyring", "ca-certificates"], ..NOTHING },
    Rule { when: &["cmd:apk"], data: &["/etc/apk", "/var/cache/apk", "/lib/apk", "/usr/share/apk"], packages: &["apk-tools", "alpine-keys", "ca-certificates-bundle"], ..NOTHING },
    Rule { when: &["cmd:yum", "cmd:dnf", "cmd:microdnf", "cmd:tdnf", "cmd:zypper", "cmd:rpm"], data: &["/var/cache/dnf", "/var/cache/yum", "/var/cache/libdnf5", "/var/cache/zypp", "/etc/yum.repos.d", "/etc/dnf", "/etc/pki/rpm-gpg", "/var/lib/rpm", "/usr/lib/sysimage", "/var/lib/dnf"], ..NOTHING },
    Rule { when: &["cmd:pip", "py:pip", "cmd:uv"], data: &["~/.cache/pip", "~/.cache/uv", "/root/.cache/pip"], only_direct: true, ..NOTHING },
    Rule { when: &["run:npm", "run:npx", "run:yarn", "run:yarnpkg", "run:pnpm", "run:pnpx"], commands: &["node"], data: &["~/.npm", "~/.cache/yarn", "~/.yarn", "~/.local/share/pnpm", "/usr/local/share/.cache/yarn", "~/.cache/node"],
        project: &["package.json", "package-lock.json", "yarn.lock", "pnpm-lock.yaml", "node_modules", ".yarn", ".npmrc"], packages: &["npm", "nodejs"], ..NOTHING },
    Rule { when: &["cmd:gem"], commands: &["ruby"], data: &["~/.gem", "~/.local/share/gem"], ..NOTHING },
    Rule { when: &["cmd:cpan", "cmd:cpanm"], commands: &["perl", "make", "gcc"], data: &["~/.cpan", "~/.cpanm"], ..NOTHING },
    Rule { when: &["cmd:conda", "cmd:mamba", "cmd:micromamba"], data: &["~/.conda", "/opt/conda/pkgs"], only_direct: true, ..NOTHING },
    Rule { when: &["run:mvn"], commands: &["mvn", "java"], data: &["~/.m2", "/usr/share/maven", "/usr/share/maven-repo", "/usr/share/java", "/etc/maven"], packages: &["maven", "libmaven3-core-java"], ..NOTHING },
    Rule { when: &["run:gradle"], commands: &["gradle", "java", "javac"], data: &["~/.gradle", "/usr/share/gradle", "/opt/gradle"], packages: &["gradle"], ..NOTHING },
    Rule { when: &["cmd:jlink", "cmd:jmod", "cmd:jpackage"], commands: &["jlink", "java", "objcopy", "fakeroot", "dpkg-deb"], data: &["/usr/lib/jvm/*/jmods", "/opt/*/jmods", "/opt/*/*/jmods", "/usr/local/*/jmods"],
        packages: &["binutils", "openjdk-8-jdk-headless", "openjdk-11-jdk-headless", "openjdk-17-jdk-headless", "openjdk-21-jdk-headless", "openjdk-25-jdk-headless"], ..NOTHING },
    Rule { when: &["cmd:javac", "cmd:jar", "cmd:jcmd", "cmd:jshell", "cmd:javadoc", "cmd:jstack", "cmd:jmap", "cmd:jdeps", "cmd:jps", "cmd:jstat", "cmd:keytool"], commands: &["java"], ..NOTHING },
    // Languages of people.
    Rule { when: &["cmd:locale", "cmd:localedef", "cmd:locale-gen"], data: &["/usr/lib/locale", "/usr/share/i18n", "/etc/locale.gen"], packages: &["locales", "libc-l10n", "glibc-langpack-en", "glibc-locale-source"], ..NOTHING },
    Rule { when: &["cmd:gettext", "cmd:gettext.sh", "cmd:ngettext", "cmd:envsubst"], packages: &["gettext-base"], ..NOTHING },
    Rule { when: &["cmd:tzselect", "cmd:zdump"], data: &["/usr/share/zoneinfo"], packages: &["tzdata"], ..NOTHING },
    Rule { when: &["cmd:update-ca-certificates", "cmd:update-ca-trust"], commands: &["openssl"], data: &["/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/etc/ca-certificates.conf", "/etc/pki"], packages: &["ca-certificates", "openssl"], ..NOTHING },
    Rule { when: &["cmd:curl", "cmd:wget", "cmd:aria2c"], packages: &["ca-certificates", "ca-certificates-bundle"], ..NOTHING },
    Rule { when: &["cmd:mutt", "cmd:mail", "cmd:mailx", "cmd:s-nail"], commands: &["sendmail", "msmtp", "exim4", "postfix"], ..NOTHING },
    Rule { when: &["cmd:look", "cmd:aspell", "cmd:hunspell", "cmd:ispell"], data: &["/usr/share/dict", "/usr/share/hunspell", "/usr/lib/aspell", "/var/lib/aspell", "/usr/share/myspell"], packages: &["aspell-en", "hunspell-en-us", "wamerican"], ..NOTHING },
    Rule { when: &["cmd:fc-list", "cmd:fc-match", "cmd:fc-cache"], data: &["/usr/share/fonts", "/usr/local/share/fonts", "/etc/fonts"], ..NOTHING },
    Rule { when: &["cmd:dpkg-reconfigure", "cmd:debconf-show"], commands: &["debconf", "perl"], ..NOTHING },
    Rule { when: &["cmd:gdb", "py:pwn", "py:pwntools"], commands: &["gdb", "gdbserver"], data: &["/usr/lib/debug", "/usr/share/gdb"], packages: &["libc6-dbg"], ..NOTHING },
    Rule { when: &["cmd:perf", "cmd:valgrind"], data: &["/usr/lib/debug"], packages: &["libc6-dbg"], ..NOTHING },
    Rule { when: &["cmd:protoc", "py:grpc_tools", "py:grpcio-tools"], commands: &["protoc"], data: &["/usr/include/google"], packages: &["libprotobuf-dev"], only_direct: true, ..NOTHING },
];

/// Returns the rules' numbers by what they are about.
pub(super) fn by_trigger() -> HashMap<&'static [u8], Vec<usize>> {
    let mut rules: HashMap<&'static [u8], Vec<usize>> = HashMap::default();
    for (number, rule) in RULES.iter().enumerate() {
        for when in rule.when {
            rules.entry(when.as_bytes()).or_default().push(number);
        }
    }
    rules
}

impl Walk<'_, '_> {
    /// Asks the table what a command needs; `run:` names a tool that builds or installs.
    pub(super) fn command_needs(&mut self, name: &[u8], _node: NodeId, here: Here) {
        let key = if name.starts_with(b"run:") { name.to_vec() } else { [b"cmd:", plain(name)].concat() };
        self.needs(&key, name, true, here);
        // `convert-im6.q16` is known as it is.
        if !name.starts_with(b"run:") {
            self.needs(&[b"cmd:", name].concat(), name, true, here);
        }
    }

    /// Asks the table what a module needs; Python's have no prefix. `direct`: imported by the user's own text.
    pub(super) fn module_needs(&mut self, name: &[u8], direct: bool, here: Here) {
        let key = if memchr::memchr(b':', name).is_some() { name.to_vec() } else { [b"py:", name].concat() };
        if direct && let Some(command) = name.strip_prefix(b"sh.").or_else(|| name.strip_prefix(b"plumbum.cmd.")) {
            self.reach_command(command, How::Import, here);
        }
        self.needs(&key, name, direct, here);
    }

    fn needs(&mut self, key: &[u8], word: &[u8], direct: bool, here: Here) {
        for number in self.rules.get(key).cloned().unwrap_or_default() {
            let rule = &RULES[number];
            if direct || !rule.only_direct {
                self.apply(number, rule, word, here);
            }
        }
    }

    fn apply(&mut self, number: usize, rule: &Rule, word: &[u8], here: Here) {
        let word = word.strip_prefix(b"run:").unwrap_or(word);
        for name in rule.project {
            let once = format!("project:{name}:{}:{}", here.cwd.index(), here.folder.index());
            if self.triggered.insert(once.into_bytes()) {
                self.project_files(name.as_bytes(), word, here);
            }
        }
        if !self.triggered.insert(format!("rule:{number}").into_bytes()) {
            return;
        }
        for package in rule.packages {
            self.start.packages.entry(package).or_insert_with(|| Reason::new(here.origin, How::Table, word));
        }
        for path in rule.data {
            for node in self.table_paths(path.as_bytes()) {
                self.reach_data(node, How::Table, word, here);
            }
        }
        for command in rule.commands {
            self.reach_command(command.as_bytes(), How::Table, here);
        }
    }

    /// Reaches a file of the project: in the working directory or the folder of the text, or in the nearest above them.
    fn project_files(&mut self, name: &[u8], word: &[u8], here: Here) {
        for start in [here.cwd, here.folder, here.root] {
            let mut above = Some(start);
            while let Some(folder) = above {
                if let Some(node) = self.rootfs.child(folder, name) {
                    self.reach_data(node, How::Table, word, here);
                    self.project_texts(node, here);
                    break;
                }
                above = self.rootfs.tree().parent(folder);
            }
        }
    }

    /// Follows the texts of a folder of the project: tasks of Ansible say what is run.
    fn project_texts(&mut self, folder: NodeId, here: Here) {
        if [&b"node_modules"[..], b".git", b"target", b"vendor"].contains(&self.rootfs.tree().name(folder)) {
            return;
        }
        for node in self.files_below(folder, MOST_PROJECT_FILES) {
            let name = self.rootfs.tree().name(node);
            if name.ends_with(b".yml") || name.ends_with(b".yaml") {
                self.push(Job::Text(node, Language::Other, here));
            }
        }
    }

    fn table_paths(&self, path: &[u8]) -> Vec<NodeId> {
        let path = match path.strip_prefix(b"~") {
            Some(rest) => [&self.environment.home[..], rest].concat(),
            None => path.to_vec(),
        };
        if memchr::memchr(b'*', &path).is_some() {
            return self.pattern(NodeId::ROOT, path.strip_prefix(b"/").unwrap_or(&path));
        }
        self.rootfs.resolve(&path).into_iter().filter(|node| *node != NodeId::ROOT).collect()
    }

    /// What the variables of the environment say about languages and time zones.
    pub(super) fn locale(&mut self) {
        let here = self.config_here(super::Part::Env);
        for name in [&b"LANG"[..], b"LC_ALL", b"LC_MESSAGES", b"LANGUAGE", b"LC_CTYPE", b"LC_TIME"] {
            let value = self.environment.variables.get(name).cloned().unwrap_or_default();
            for language in value.split(|byte| *byte == b':').filter(|value| !value.is_empty()) {
                let word = [name, b"=", &value].concat();
                self.language(language, &word, here);
            }
        }
        if self.environment.variables.get(&b"TZ"[..]).is_some_and(|zone| !zone.is_empty()) {
            if let Some(node) = self.rootfs.resolve(b"/usr/share/zoneinfo") {
                self.reach_data(node, How::Env, b"TZ", here);
            }
            self.start.packages.entry("tzdata").or_insert_with(|| Reason::new(here.origin, How::Env, b"TZ"));
        }
    }

    /// Reaches a language: its locale, its messages. `C` and `POSIX` need nothing.
    fn language(&mut self, language: &[u8], word: &[u8], here: Here) {
        let place = language.split(|byte| b".@".contains(byte)).next().unwrap_or_default();
        let short = place.split(|byte| *byte == b'_').next().unwrap_or_default();
        if [&b"C"[..], b"POSIX", b""].contains(&place) {
            return;
        }
        if short == b"en" {
            // Messages are English already; what is translated from it is little.
            self.start.packages.entry("glibc-langpack-en").or_insert_with(|| Reason::new(here.origin, How::Env, word));
        }
        let archive = self.rootfs.resolve(b"/usr/lib/locale/locale-archive");
        let folders: Vec<NodeId> =
            self.rootfs.resolve(b"/usr/lib/locale").into_iter().flat_map(|node| self.rootfs.children(node)).collect();
        let own = folders.into_iter().filter(|node| self.rootfs.tree().name(*node).starts_with(place));
        let messages = [place, short].map(|name| self.rootfs.resolve(&[b"/usr/share/locale/", name].concat()));
        for node in archive.into_iter().chain(own.collect::<Vec<_>>()).chain(messages.into_iter().flatten()) {
            self.reach_data(node, How::Env, word, here);
        }
        for package in ["locales", "locales-all", "libc-l10n", "musl-locales"] {
            self.start.packages.entry(package).or_insert_with(|| Reason::new(here.origin, How::Env, word));
        }
    }
}

/// Returns the name of a command without machine and version: `x86_64-linux-gnu-gcc-12` is `gcc`.
fn plain(name: &[u8]) -> &[u8] {
    let name = match memchr::memmem::find(name, b"-linux-") {
        Some(at) => {
            let rest = &name[at + b"-linux-".len()..];
            memchr::memchr(b'-', rest).map_or(name, |at| &rest[at + 1..])
        }
        None => name,
    };
    super::commands::normal(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_say_when_and_what() {
        for rule in RULES {
            assert!(!rule.when.is_empty());
            for when in rule.when {
                let (kind, name) = when.split_once(':').expect("a kind");
                assert!(
                    ["cmd", "run", "py", "npm", "gem", "perl", "php"].contains(&kind) && !name.is_empty(),
                    "{when}"
                );
            }
            for path in rule.data {
                assert!(path.starts_with('/') || path.starts_with('~'), "{path}");
            }
        }
        for (name, expected) in [("x86_64-linux-gnu-gcc-12", "gcc"), ("gcc-12", "gcc"), ("g++", "g++"), ("git", "git")]
        {
            assert_eq!(plain(name.as_bytes()), expected.as_bytes());
        }
    }
}
