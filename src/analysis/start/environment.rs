//! The environment that the start runs in: search path, home, working directory, variables.

use foldhash::HashMap;

use crate::analysis::rootfs::Rootfs;
use crate::archive::RunConfig;
use crate::layer::entry::NodeId;

/// Variables and what is derived of them.
pub(super) struct Environment {
    pub(super) variables: HashMap<Vec<u8>, Vec<u8>>,
    /// Directories of commands, in the order of the search path, as the image shows them.
    pub(super) path: Vec<NodeId>,
    pub(super) home: Vec<u8>,
    pub(super) workdir: NodeId,
}

const DEFAULT_PATH: &[u8] = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// More results of one word are not followed.
const MOST_EXPANSIONS: usize = 8;
/// A value that grows by expansion ends here.
const MOST_VALUE_BYTES: usize = 8_192;

impl Environment {
    pub(super) fn new(rootfs: &Rootfs<'_>, config: &RunConfig) -> Self {
        let mut variables = HashMap::default();
        for (name, value) in config.env.iter().filter_map(|pair| pair.split_once('=')) {
            variables.insert(name.as_bytes().to_vec(), value.as_bytes().to_vec());
        }
        let home = home(rootfs, &config.user).unwrap_or_else(|| b"/root".to_vec());
        let home = variables.entry(b"HOME".to_vec()).or_insert(home).clone();
        variables.entry(b"PATH".to_vec()).or_insert_with(|| DEFAULT_PATH.to_vec());
        let path = folders(rootfs, variables.get(&b"PATH"[..]).map_or(DEFAULT_PATH, |path| path));
        let workdir = rootfs.resolve(config.working_dir.as_bytes()).filter(|node| rootfs.is_directory(*node));
        let workdir = workdir.unwrap_or(NodeId::ROOT);
        variables.insert(b"PWD".to_vec(), rootfs.tree().path(workdir));
        Environment { variables, path, home, workdir }
    }

    /// Returns the directories that a variable lists.
    pub(super) fn folders(&self, rootfs: &Rootfs<'_>, name: &[u8]) -> Vec<NodeId> {
        self.variables.get(name).map(|list| folders(rootfs, list)).unwrap_or_default()
    }

    /// Returns what a word can mean, its variables replaced where they are known: by the environment, by `more`, by the
    /// default that stands in the word. What is not known is left as `$NAME`.
    pub(super) fn expand(&self, word: &[u8], more: &HashMap<Vec<u8>, Vec<u8>>) -> Vec<Vec<u8>> {
        let mut done = Vec::new();
        let mut open = vec![(self.tilde(word), 0)];
        while let Some((word, from)) = open.pop() {
            let Some((start, end, values)) = self.variable(&word, from, more) else {
                done.push(word);
                continue;
            };
            if done.len() + open.len() >= MOST_EXPANSIONS || word.len() > MOST_VALUE_BYTES {
                done.push(word);
                continue;
            }
            if values.is_empty() {
                open.push((word, end));
                continue;
            }
            for value in values {
                let next = [&word[..start], &value, &word[end..]].concat();
                open.push((next, start + value.len()));
            }
        }
        done
    }

    fn tilde(&self, word: &[u8]) -> Vec<u8> {
        match word.strip_prefix(b"~") {
            Some(rest) if rest.is_empty() || rest.starts_with(b"/") => [&self.home, rest].concat(),
            _ => word.to_vec(),
        }
    }

    /// Finds the first variable behind `from`: where it stands, and its values.
    fn variable(
        &self,
        word: &[u8],
        from: usize,
        more: &HashMap<Vec<u8>, Vec<u8>>,
    ) -> Option<(usize, usize, Vec<Vec<u8>>)> {
        let start = from + memchr::memchr(b'$', word.get(from..)?)?;
        let rest = &word[start + 1..];
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let (name, fallback, len) = if rest.first() == Some(&b'{') {
            let close = memchr::memchr(b'}', rest).unwrap_or(rest.len());
            let inner = &rest[1.min(close)..close];
            let name_len = inner.iter().position(|byte| !is_name(byte)).unwrap_or(inner.len());
            let after = &inner[name_len..];
            let fallback = [&b":-"[..], b"-", b":=", b"="].iter().find_map(|mark| after.strip_prefix(*mark));
            (&inner[..name_len], fallback, (close + 1).min(rest.len()))
        } else {
            let len = rest.iter().position(|byte| !is_name(byte)).unwrap_or(rest.len());
            (&rest[..len], None, len)
        };
        let known = more.get(name).or_else(|| self.variables.get(name));
        let values = known.into_iter().cloned().chain(fallback.map(<[u8]>::to_vec)).collect();
        Some((start, start + 1 + len, values))
    }
}

fn folders(rootfs: &Rootfs<'_>, list: &[u8]) -> Vec<NodeId> {
    let parts = list.split(|byte| *byte == b':').filter(|part| part.starts_with(b"/"));
    let mut nodes: Vec<NodeId> = Vec::new();
    for node in parts.filter_map(|part| rootfs.resolve(part)).filter(|node| rootfs.is_directory(*node)) {
        if !nodes.contains(&node) {
            nodes.push(node);
        }
    }
    nodes
}

/// Returns the home of a user, by `/etc/passwd`.
fn home(rootfs: &Rootfs<'_>, user: &str) -> Option<Vec<u8>> {
    let user = user.split(':').next().filter(|user| !user.is_empty()).unwrap_or("root").as_bytes();
    let accounts = rootfs.read(rootfs.resolve(b"/etc/passwd")?)?;
    let lines = accounts.split(|byte| *byte == b'\n');
    let mut fields = lines.map(|line| line.split(|byte| *byte == b':').collect::<Vec<_>>());
    let found = fields.find(|fields| fields.len() >= 6 && (fields[0] == user || fields[2] == user))?;
    Some(found[5].to_vec()).filter(|home| home.starts_with(b"/"))
}
