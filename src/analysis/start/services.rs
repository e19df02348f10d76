//! Service managers, schedulers and servers: the configurations that say what else runs.
//!
//! Which files a manager reads is known by its name; what they say is found by [`Walk::configuration`], which takes any line
//! that gives a command.

use super::commands::Line;
use super::reason::{How, Origin};
use super::walk::{Here, Job, Walk};
use super::{Language, strings};
use crate::layer::entry::NodeId;

/// A manager by the names of its program, and what it reads: files, or folders with everything in them; `*` at the end
/// of a name or alone stands for any.
struct Service {
    names: &'static [&'static [u8]],
    how: How,
    reads: &'static [&'static [u8]],
}

const SERVICES: [Service; 16] = [
    Service {
        names: &[b"cron", b"crond", b"anacron", b"fcron", b"dcron", b"go-cron"],
        how: How::Cron,
        reads: &[
            b"etc/crontab",
            b"etc/cron.d",
            b"etc/cron.hourly",
            b"etc/cron.daily",
            b"etc/cron.weekly",
            b"etc/cron.monthly",
            b"etc/anacrontab",
            b"var/spool/cron",
            b"etc/crontabs",
            b"etc/periodic",
        ],
    },
    Service {
        names: &[b"supervisord", b"supervisor"],
        how: How::Service,
        reads: &[
            b"etc/supervisord.conf",
            b"etc/supervisor",
            b"etc/supervisor.d",
            b"etc/supervisord.d",
            b"etc/supervisord",
            b"usr/etc/supervisord.conf",
        ],
    },
    Service {
        names: &[b"s6-svscan", b"s6-overlay-suexec", b"s6-svscanboot", b"s6-rc", b"s6-supervise"],
        how: How::Service,
        reads: S6,
    },
    Service {
        names: &[b"runsvdir", b"runit", b"runit-init", b"runsvdir-start", b"my_init", b"runsv"],
        how: How::Service,
        reads: &[
            b"etc/service",
            b"etc/sv",
            b"service",
            b"etc/my_init.d",
            b"etc/my_init.pre_shutdown.d",
            b"etc/rc.local",
            b"etc/runit",
        ],
    },
    Service {
        names: &[b"systemd"],
        how: How::Service,
        reads: &[b"etc/systemd/system", b"usr/local/lib/systemd/system", b"etc/init.d", b"etc/rc.local"],
    },
    Service {
        names: &[b"openrc", b"openrc-init", b"rc"],
        how: How::Service,
        reads: &[b"etc/init.d", b"etc/conf.d", b"etc/runlevels", b"etc/inittab"],
    },
    Service { names: &[b"monit"], how: How::Service, reads: &[b"etc/monit", b"etc/monitrc", b"etc/monit.d"] },
    Service {
        names: &[b"nginx", b"openresty", b"nginx-debug"],
        how: How::Service,
        reads: &[b"etc/nginx", b"usr/local/nginx/conf", b"usr/local/openresty/nginx/conf"],
    },
    Service {
        names: &[b"apache2", b"httpd", b"apachectl", b"apache2ctl", b"apache2-foreground"],
        how: How::Service,
        reads: &[b"etc/apache2", b"etc/httpd", b"usr/local/apache2/conf"],
    },
    Service { names: &[b"lighttpd"], how: How::Service, reads: &[b"etc/lighttpd"] },
    Service { names: &[b"uwsgi"], how: How::Service, reads: &[b"etc/uwsgi", b"uwsgi.ini", b"app/uwsgi.ini"] },
    Service {
        names: &[b"fcgiwrap", b"spawn-fcgi"],
        how: How::Service,
        reads: &[b"usr/lib/cgi-bin", b"var/www/cgi-bin"],
    },
    Service {
        names: &[b"xinetd", b"inetd"],
        how: How::Service,
        reads: &[b"etc/xinetd.d", b"etc/xinetd.conf", b"etc/inetd.conf"],
    },
    Service { names: &[b"sshd"], how: How::Service, reads: &[b"etc/ssh/sshd_config", b"etc/ssh/sshd_config.d"] },
    Service { names: &[b"logrotate"], how: How::Service, reads: &[b"etc/logrotate.conf", b"etc/logrotate.d"] },
    Service { names: &[b"incrond"], how: How::Cron, reads: &[b"etc/incron.d", b"var/spool/incron"] },
];
const S6: &[&[u8]] = &[
    b"etc/s6-overlay",
    b"etc/services.d",
    b"etc/cont-init.d",
    b"etc/cont-finish.d",
    b"etc/s6",
    b"etc/fix-attrs.d",
    b"package/admin",
    b"run/service",
];
/// Folders that entry points of public images go through.
const ENTRY_FOLDERS: [&[u8]; 4] =
    [b"docker-entrypoint.d", b"docker-entrypoint-initdb.d", b"docker-entrypoint-init.d", b"entrypoint.d"];
/// Files of one service that are looked at.
const MOST_FILES: usize = 2_000;
/// Keys whose values are commands, whatever their first word is.
const COMMAND_KEYS: [&[u8]; 22] = [
    b"command",
    b"cmd",
    b"exec",
    b"run",
    b"ExecStart",
    b"ExecStartPre",
    b"ExecStartPost",
    b"ExecReload",
    b"ExecStop",
    b"ExecStopPost",
    b"start program",
    b"stop program",
    b"program",
    b"script",
    b"entrypoint",
    b"server",
    b"attach-daemon",
    b"attach-daemon2",
    b"postrotate",
    b"prerotate",
    b"web",
    b"worker",
];

impl Walk<'_, '_> {
    /// Follows the configuration of a program that runs others, or serves what its configuration names.
    pub(super) fn service(&mut self, name: &[u8], node: NodeId, here: Here) {
        if memchr::memmem::find(name, b"entrypoint").is_some() {
            for folder in ENTRY_FOLDERS {
                self.service_files(&[folder], How::Service, here);
            }
        }
        let folder = self.rootfs.tree().parent(node).unwrap_or(NodeId::ROOT);
        let is_system_init = name == b"init" && [&b"sbin"[..], b"bin"].contains(&self.rootfs.tree().name(folder));
        if name == b"init" && folder == NodeId::ROOT {
            self.service_once(b"s6", S6, How::Service, here);
        }
        let looked_up: &[u8] = if is_system_init { b"systemd" } else { name };
        for service in SERVICES.iter().filter(|service| service.names.contains(&looked_up)) {
            self.service_once(service.names[0], service.reads, service.how, here);
        }
        if is_system_init {
            self.service_once(b"inittab", &[b"etc/inittab", b"etc/init.d", b"etc/runlevels"], How::Service, here);
        }
    }

    fn service_once(&mut self, key: &[u8], reads: &[&[u8]], how: How, here: Here) {
        if self.triggered.insert([b"service:", key].concat()) {
            self.service_files(reads, how, here);
        }
    }

    fn service_files(&mut self, reads: &[&[u8]], how: How, here: Here) {
        for path in reads {
            let Some(top) = self.rootfs.resolve(path).filter(|top| *top != NodeId::ROOT) else { continue };
            let files = self.files_below(top, MOST_FILES);
            if files.len() >= MOST_FILES {
                self.start.is_cut = true;
            }
            if self.rootfs.is_directory(top) {
                self.start.words_path(&self.rootfs.tree().path(top), here, how);
            }
            for node in files {
                self.service_file(node, path, how, here);
            }
        }
    }

    fn service_file(&mut self, node: NodeId, word: &[u8], how: How, here: Here) {
        let Some(file) = self.reach_links(node, how, word, here) else { return };
        if self.rootfs.is_executable(file) {
            self.push(Job::Program(file, here));
        } else {
            self.push(Job::Text(
                file,
                super::commands::language_of(self.rootfs.tree().name(file)).unwrap_or(Language::Other),
                here,
            ));
        }
    }

    /// Follows the lines of a configuration that give a command: `command=x`, `web: x`, `*/5 * * * * root x`.
    pub(super) fn configuration(&mut self, text: &[u8], here: Here) {
        let lines: Vec<&[u8]> =
            text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()).collect();
        for section in lines.chunk_by(|_, next| !next.starts_with(b"[")) {
            let folder = section.iter().find_map(|line| folder_of(line));
            let node = folder.and_then(|folder| self.rootfs.resolve_from(here.cwd, folder));
            let here = node.filter(|node| self.rootfs.is_directory(*node)).map_or(here, |cwd| Here { cwd, ..here });
            self.section(section, here);
        }
    }

    fn section(&mut self, lines: &[&[u8]], here: Here) {
        for line in lines {
            if let Some(command) = cron_command(line) {
                // Tables of the system name the user first.
                let rest = second_word(command);
                let names_user = self.is_system_table(here) && !rest.is_empty();
                self.shell_text(if names_user { rest } else { command }, here, How::Cron);
                continue;
            }
            let Some(at) = line.iter().position(|byte| b"=:".contains(byte)) else { continue };
            let key = line[..at].trim_ascii().trim_ascii_start();
            let key = key.strip_prefix(b"- ").unwrap_or(key);
            let value = line[at + 1..].trim_ascii().to_vec();
            self.configuration_value(key, &value, here);
        }
    }

    /// `/etc/crontab` and `/etc/cron.d` say for whom; tables of users do not.
    fn is_system_table(&self, here: Here) -> bool {
        let Origin::Path(node) = here.origin else { return false };
        let path = self.rootfs.tree().path(node);
        path == b"/etc/crontab" || path.starts_with(b"/etc/cron.d/")
    }

    fn configuration_value(&mut self, key: &[u8], value: &[u8], here: Here) {
        // `["a", "b"]` and `'a b'` are words as well; systemd marks commands with signs.
        let list = value.strip_prefix(b"[").and_then(|list| list.strip_suffix(b"]"));
        let value: Vec<u8> = match list {
            Some(list) => list.iter().map(|byte| if *byte == b',' { b' ' } else { *byte }).collect(),
            None => value.to_vec(),
        };
        let is_mark = |byte: &u8| b"-@+!:".contains(byte);
        let value = &value[value.iter().position(|byte| !is_mark(byte)).unwrap_or(0)..];
        let quote = value.first().copied().filter(|byte| b"\"'".contains(byte) && list.is_none());
        let value = match quote {
            Some(quote) => value[1..].split(|byte| *byte == quote).next().unwrap_or_default(),
            None => value,
        };
        let first = value.split(u8::is_ascii_whitespace).next().unwrap_or_default();
        let first: Vec<u8> = first.iter().copied().filter(|byte| !b"\"'".contains(byte)).collect();
        let is_key = COMMAND_KEYS.contains(&key);
        let has_words = value.contains(&b' ');
        if is_key || (has_words && !strings::is_everyday(&first) && self.find_command(&first, here).is_some()) {
            self.shell_text(value, here, How::Service);
        }
    }

    /// Follows `run-parts FOLDER`, `service NAME start`, `make TARGET`: commands whose words name what runs.
    pub(super) fn running_call(&mut self, name: &[u8], line: &Line<'_>, here: Here) {
        match name {
            b"run-parts" => {
                for word in line.rest.iter().filter(|word| !word.starts_with(b"-")) {
                    if let Some(folder) = self.find_file(word, here).and_then(|node| self.rootfs.follow(node)) {
                        let path = self.rootfs.tree().path(folder);
                        self.service_files(&[&path], How::Script, here);
                    }
                }
            }
            b"service" | b"rc-service" | b"invoke-rc.d" => {
                for word in line.rest {
                    let script = self.rootfs.find(&[b"etc/init.d/", &word[..]].concat());
                    if let Some(script) = script.filter(|script| self.rootfs.copy(*script).is_some()) {
                        self.reach(script, How::Service, word, here);
                        self.push(Job::Program(script, here));
                        self.service(word, script, here);
                    }
                }
                self.arguments(line.rest, here);
            }
            _ => {
                for file in [&b"Makefile"[..], b"makefile", b"GNUmakefile"] {
                    if let Some(node) = self.rootfs.child(here.cwd, file) {
                        self.reach(node, How::Script, file, here);
                        self.push(Job::Text(node, Language::Shell, here));
                    }
                }
                self.arguments(line.rest, here);
            }
        }
    }
}

/// Returns the working directory that a line sets.
fn folder_of(line: &[u8]) -> Option<&[u8]> {
    const KEYS: [&[u8]; 6] = [b"directory", b"WorkingDirectory", b"chdir", b"working_dir", b"cwd", b"workdir"];
    let at = line.iter().position(|byte| b"=:".contains(byte))?;
    KEYS.contains(&line[..at].trim_ascii()).then(|| line[at + 1..].trim_ascii())
}

/// Returns what stands behind the five times of a cron line, or behind `@daily` and its like.
fn cron_command(line: &[u8]) -> Option<&[u8]> {
    let is_time = |word: &[u8]| {
        word.iter().all(|byte| byte.is_ascii_alphanumeric() || b"*,/-?".contains(byte))
            && word.iter().any(|byte| byte.is_ascii_digit() || *byte == b'*')
    };
    if line.starts_with(b"@") {
        return Some(second_word(line)).filter(|rest| !rest.is_empty());
    }
    let mut rest = line;
    for _ in 0..5 {
        let end = rest.iter().position(u8::is_ascii_whitespace)?;
        let word = &rest[..end];
        let is_name = word.len() == 3 && word.iter().all(u8::is_ascii_alphabetic);
        if !is_time(word) && !is_name {
            return None;
        }
        rest = rest[end..].trim_ascii_start();
    }
    Some(rest).filter(|rest| !rest.is_empty())
}

/// Returns what stands behind the first word.
fn second_word(line: &[u8]) -> &[u8] {
    let end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
    line[end..].trim_ascii_start()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_cron_tables() {
        assert_eq!(cron_command(b"*/5 * * * * root /app/x"), Some(&b"root /app/x"[..]));
        assert_eq!(cron_command(b"0 3 * * mon x"), Some(&b"x"[..]));
        assert_eq!(cron_command(b"@daily root x y"), Some(&b"root x y"[..]));
        assert_eq!(cron_command(b"a b c d e f"), None);
        assert_eq!(cron_command(b"MAILTO=root"), None);
    }
}
