//! An image, put together of what was read; sizes and digests are compared on the way.

use std::sync::Arc;

use super::blob::LayerRead;
use super::options::LoadOptions;
use crate::archive::{ImageSpec, LayerRef, StatedDigest};
use crate::digest::{DiffId, Digest};
use crate::error::{AtPlace, Error, Place, Result, Warning, WarningCode, Warnings};
use crate::layer::blob::Blob;
use crate::layer::index::{Builder, Index, collect_warnings};
use crate::layer::kept::Kept;
use crate::layer::reader::Footer;
use crate::source::compression::Compression;

/// An image with every layer indexed.
pub struct Loaded {
    /// What the documents say.
    pub spec: ImageSpec,
    /// What the layers store.
    pub index: Index,
    /// How each layer is stored, bottom first.
    pub blobs: Vec<Blob>,
    /// What was odd.
    pub warnings: Warnings,
    /// What was kept of each layer's contents, bottom first.
    pub(crate) kept: Vec<Arc<Kept>>,
}

/// What came of the reading, by slots of the builder (`footers` and digests) and by layers (`order`, `blobs`).
pub(super) struct Reading {
    pub(super) order: Vec<usize>,
    pub(super) blobs: Vec<Blob>,
    pub(super) footers: Vec<Footer>,
    /// The digests of the stored bytes, where they are to be compared.
    pub(super) stored: Vec<Option<Digest>>,
    /// The digests of the uncompressed bytes, where they are known.
    pub(super) uncompressed: Vec<Option<Digest>>,
}

impl Reading {
    pub(super) fn new(order: Vec<usize>, blobs: Vec<Blob>, reads: Vec<LayerRead>) -> Self {
        let mut reading = Reading { order, blobs, footers: Vec::new(), stored: Vec::new(), uncompressed: Vec::new() };
        for LayerRead { footer, stored, uncompressed, .. } in reads {
            reading.footers.push(footer);
            reading.stored.push(stored);
            reading.uncompressed.push(uncompressed);
        }
        reading
    }

    /// Returns what was kept of each layer's contents; warns where there was no room for more.
    fn kept(&mut self, warnings: &mut Warnings) -> Vec<Arc<Kept>> {
        let by_slot: Vec<Arc<Kept>> =
            self.footers.iter_mut().map(|footer| Arc::new(std::mem::take(&mut footer.kept))).collect();
        let dropped: u64 = by_slot.iter().map(|kept| u64::from(kept.dropped_count)).sum();
        if dropped > 0 {
            let message = format!(
                "{dropped} package databases, manifests or scripts were too much to keep: owners and findings are not complete"
            );
            warnings.push(Warning::new(WarningCode::EvidenceDropped, message));
        }
        self.order.iter().map(|slot| Arc::clone(&by_slot[*slot])).collect()
    }

    /// Returns the layers whose tar has no end blocks and whose blob's size nobody states, but whose `diff_id` is known:
    /// only that digest tells whether they are whole, and it is still to be computed.
    pub(super) fn unvouched(&self, layers: &[LayerRef]) -> Vec<usize> {
        let needs_digest = |at: &usize| {
            let slot = self.order[*at];
            !self.footers[slot].saw_end
                && layers[*at].stated_bytes.is_none()
                && layers[*at].diff_id.is_some()
                && self.uncompressed[slot].is_none()
        };
        (0..self.order.len()).filter(needs_digest).collect()
    }
}

/// Puts the image together; compares sizes and digests where they were computed.
pub(super) fn assemble(mut spec: ImageSpec, builder: Builder, mut reading: Reading, odd: &[Warning]) -> Result<Loaded> {
    let mut warnings = Warnings::default();
    odd.iter().cloned().for_each(|warning| warnings.push(warning));
    spec.warnings.drain(..).for_each(|warning| warnings.push(warning));
    for (at, (layer, slot)) in spec.layers.iter().zip(&reading.order).enumerate() {
        let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
        let odd_size = check_size(layer, &reading.blobs[at], &reading.footers[*slot]).at(|| Place::Layer(number))?;
        if let Some(warning) = odd_size {
            warnings.push(Warning { layer: Some(number), ..warning });
        }
        if let Some(warning) = check_digests(layer, &reading, *slot).at(|| Place::Layer(number))? {
            warnings.push(Warning { layer: Some(number), ..warning });
        }
        if let Some(warning) = media_type_warning(layer, reading.blobs[at].compression) {
            warnings.push(Warning { layer: Some(number), ..warning });
        }
    }
    collect_warnings(&mut warnings, &reading.footers, &reading.order);
    let kept = reading.kept(&mut warnings);
    let index = builder.finish(&reading.order)?;
    Ok(Loaded { spec, index, blobs: reading.blobs, warnings, kept })
}

/// A blob cut between two members reads like a whole one without end blocks: only its size tells. One that ends as it
/// should is another blob than was described, but a whole one.
fn check_size(layer: &LayerRef, blob: &Blob, footer: &Footer) -> Result<Option<Warning>> {
    let found = blob.blob_bytes;
    match layer.stated_bytes {
        Some(stated) if stated != found && footer.saw_end => {
            let message = format!("its blob has {found} bytes, its descriptor states {stated}: counted as it is");
            Ok(Some(Warning::new(WarningCode::SizeMismatch, message)))
        }
        Some(stated) if stated != found => Err(Error::SizeMismatch { stated, found }),
        _ => Ok(None),
    }
}

fn media_type_warning(layer: &LayerRef, actual: Compression) -> Option<Warning> {
    let stated = layer.media_type.as_deref()?;
    let stated = match stated {
        _ if stated.ends_with("gzip") => Compression::Gzip,
        _ if stated.ends_with("zstd") => Compression::Zstd,
        _ if stated.rsplit('.').next() == Some("tar") => Compression::None,
        _ => return None,
    };
    let message = format!("its media type says {}, its bytes are {}: read as they are", stated.name(), actual.name());
    (stated != actual).then(|| Warning::new(WarningCode::MediaType, message))
}

/// Compares the documents' digests with what is stated for them, where that was asked for.
pub(super) fn check_documents(spec: &ImageSpec, options: &LoadOptions) -> Result<()> {
    if options.verify { spec.stated.iter().try_for_each(StatedDigest::check) } else { Ok(()) }
}

/// Compares the digests that were asked for, and the one that has to vouch for a tar without end blocks: cut between two
/// members, it reads like a whole one.
fn check_digests(layer: &LayerRef, reading: &Reading, slot: usize) -> Result<Option<Warning>> {
    let same = |what, stated: &Digest, found: &Digest| {
        let differ = || Error::DigestMismatch { what, expected: stated.clone(), found: found.clone() };
        (stated == found).then_some(()).ok_or_else(differ)
    };
    if let (Some(stated), Some(found)) = (&layer.blob_digest, &reading.stored[slot]) {
        same("the blob", stated, found)?;
    }
    let is_vouched = reading.footers[slot].saw_end || layer.stated_bytes.is_some();
    match (&layer.diff_id, &reading.uncompressed[slot]) {
        _ if is_vouched && reading.stored[slot].is_none() => Ok(None),
        (Some(DiffId(stated)), Some(found)) if is_vouched => {
            same("the uncompressed layer (diff_id)", stated, found).map(|()| None)
        }
        (Some(DiffId(stated)), Some(found)) => {
            same("the layer, which ends without end blocks and may be cut short (diff_id)", stated, found)
                .map(|()| None)
        }
        _ if is_vouched => Ok(None),
        _ => {
            let message = "its tar has no end blocks, and neither a size nor a digest is stated for it: counted as it is, \
                           but it may be cut short";
            Ok(Some(Warning::new(WarningCode::Unvouched, message)))
        }
    }
}
