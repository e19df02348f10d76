//! Digests, and types that keep apart the two that the field confuses: `diff_id` and blob digest.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256, Sha512};

/// A content digest, `algorithm:hex`, as descriptors write it.
///
/// See [digests](https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests). Known algorithms are
/// `sha256` and `sha512`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest {
    algorithm: Algorithm,
    bytes: Vec<u8>,
}

/// The registered digest algorithms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// SHA-256, what every builder uses.
    Sha256,
    /// SHA-512, allowed by the spec.
    Sha512,
}

impl Algorithm {
    /// Returns the name as it stands before the colon, and as the folder below `blobs/`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Sha256 => "sha256",
            Algorithm::Sha512 => "sha512",
        }
    }

    fn digest_bytes(self) -> usize {
        match self {
            Algorithm::Sha256 => 32,
            Algorithm::Sha512 => 64,
        }
    }
}

impl Digest {
    /// Returns the SHA-256 digest of `bytes`.
    #[must_use]
    pub fn sha256(bytes: &[u8]) -> Self {
        Hasher::new(Algorithm::Sha256).finish_with(bytes)
    }

    /// Returns the algorithm.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the part after the colon, lower case.
    #[must_use]
    pub fn hex(&self) -> String {
        use fmt::Write as _;
        self.bytes.iter().fold(String::with_capacity(self.bytes.len() * 2), |mut out, byte| {
            let _ = write!(out, "{byte:02x}");
            out
        })
    }

    /// Returns the first twelve hex digits, as engines show ids.
    #[must_use]
    pub fn short(&self) -> String {
        let mut hex = self.hex();
        hex.truncate(12);
        hex
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.algorithm.name(), self.hex())
    }
}

/// Text that is no digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a digest (expected sha256:<64 hex digits> or sha512:<128 hex digits>)")]
pub struct NotADigest;

impl FromStr for Digest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        let (name, hex) = text.split_once(':').ok_or(NotADigest)?;
        let algorithm = match name {
            "sha256" => Algorithm::Sha256,
            "sha512" => Algorithm::Sha512,
            _ => return Err(NotADigest),
        };
        let bytes = decode_hex(hex).ok_or(NotADigest)?;
        (bytes.len() == algorithm.digest_bytes()).then_some(Digest { algorithm, bytes }).ok_or(NotADigest)
    }
}

fn decode_hex(hex: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    hex.as_bytes().chunks(2).map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)).collect()
}

/// The digest of a layer's *uncompressed* tar, from the config's `rootfs.diff_ids`.
///
/// See [layer DiffID](https://github.com/opencontainers/image-spec/blob/main/config.md#layer-diffid).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DiffId(pub Digest);

/// The identity of a layer on top of all layers below it.
///
/// See [layer ChainID](https://github.com/opencontainers/image-spec/blob/main/config.md#layer-chainid).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ChainId(pub Digest);

impl ChainId {
    /// Returns the chain id of a layer on top of `lower`; the bottom layer's equals its diff id.
    #[must_use]
    pub fn on_top_of(lower: Option<&ChainId>, layer: &DiffId) -> Self {
        match lower {
            None => ChainId(layer.0.clone()),
            Some(lower) => ChainId(Digest::sha256(format!("{} {}", lower.0, layer.0).as_bytes())),
        }
    }
}

impl fmt::Display for DiffId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl fmt::Display for ChainId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// Computes a digest of bytes that pass by.
#[derive(Debug, Clone)]
pub enum Hasher {
    /// A running SHA-256.
    Sha256(Sha256),
    /// A running SHA-512.
    Sha512(Sha512),
}

impl Hasher {
    /// Starts a digest of nothing.
    #[must_use]
    pub fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha256 => Hasher::Sha256(Sha256::new()),
            Algorithm::Sha512 => Hasher::Sha512(Sha512::new()),
        }
    }

    /// Takes further bytes in.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Hasher::Sha256(state) => state.update(bytes),
            Hasher::Sha512(state) => state.update(bytes),
        }
    }

    /// Returns the digest of all bytes taken in.
    #[must_use]
    pub fn finish(self) -> Digest {
        match self {
            Hasher::Sha256(state) => Digest { algorithm: Algorithm::Sha256, bytes: state.finalize().to_vec() },
            Hasher::Sha512(state) => Digest { algorithm: Algorithm::Sha512, bytes: state.finalize().to_vec() },
        }
    }

    fn finish_with(mut self, bytes: &[u8]) -> Digest {
        self.update(bytes);
        self.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn text_and_back() {
        assert_eq!(Digest::sha256(b"").to_string(), EMPTY);
        assert_eq!(EMPTY.parse::<Digest>().map(|digest| digest.to_string()), Ok(EMPTY.into()));
        for bad in ["", "sha256", "sha256:", "sha256:e3", "md5:e3b0", "sha256:zz"] {
            assert_eq!(bad.parse::<Digest>(), Err(NotADigest), "{bad}");
        }
    }

    #[test]
    fn only_the_bottom_chain_id_equals_its_diff_id() {
        let layer = DiffId(Digest::sha256(b"layer"));
        let bottom = ChainId::on_top_of(None, &layer);
        assert_eq!(bottom.0, layer.0);
        let text = format!("{} {}", bottom.0, layer.0);
        assert_eq!(ChainId::on_top_of(Some(&bottom), &layer).0, Digest::sha256(text.as_bytes()));
    }
}
