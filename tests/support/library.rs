//! The one door to the library under test: an image in, its JSON report out.

use std::path::Path;

use layerlens::layer::{EntryRef, Index, NodeId};
use layerlens::merge::view::View;
use serde_json::Value;

use super::findings::{ChangeKind, Findings, number};

/// Analyses the image at `path` and returns its report, with the changes.
pub fn report(path: &Path) -> Value {
    let analysis = layerlens::open(path, &layerlens::OpenOptions::default())
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&layerlens::report::to_json(&analysis, true)).expect("a report is JSON")
}

/// Checks what must hold within a report whatever the image is: the ledger of the totals, and each layer's counts.
pub fn assert_ledger(report: &Value) {
    let totals = &report["totals"];
    let total = |key: &str| number(&totals[key]);
    assert_eq!(total("stored_bytes"), total("final_bytes") + total("wasted_bytes"), "stored = final + wasted");
    let parts = total("fixable_bytes") + total("inherited_bytes") + total("remainder_bytes");
    assert_eq!(total("wasted_bytes"), parts, "wasted = fixable + inherited + remainder");
    let user_wasted_bytes = total("wasted_bytes") - total("inherited_bytes");
    assert_eq!(total("user_wasted_bytes"), user_wasted_bytes, "what is not inherited is the user's");
    let causes = totals["wasted_by_cause"].as_object().expect("a table of causes");
    assert_eq!(total("wasted_bytes"), causes.values().map(number).sum::<u64>(), "wasted = the sum over its causes");
    let findings = Findings::from_report(report);
    for (cause, bytes) in causes {
        let records = findings.waste.iter().filter(|record| record.cause == *cause);
        assert_eq!(number(bytes), records.map(|record| record.bytes).sum::<u64>(), "wasted_by_cause: {cause}");
    }
    assert_layers(report, &findings);
}

fn assert_layers(report: &Value, findings: &Findings) {
    let layers = report["layers"].as_array().expect("a list of layers");
    assert_eq!(number(&report["totals"]["layers"]), layers.len() as u64);
    for (layer_number, layer) in (1..).zip(layers) {
        for (key, kind) in
            [("added", ChangeKind::Added), ("changed", ChangeKind::Changed), ("deleted", ChangeKind::Deleted)]
        {
            let listed = findings.change_count(layer_number, kind) as u64;
            assert_eq!(number(&layer[key]), listed, "layer {layer_number}: {key}");
        }
        let wasted = findings.waste.iter().filter(|record| record.stored_in == layer_number);
        assert_eq!(number(&layer["wasted_bytes"]), wasted.map(|record| record.bytes).sum::<u64>());
    }
    let stored = layers.iter().map(|layer| number(&layer["stored_bytes"])).sum::<u64>();
    assert_eq!(number(&report["totals"]["stored_bytes"]), stored, "stored = the sum over the layers");
}

/// Returns every path that the lowest layers show together, with the entry that holds it; nothing for a directory that no
/// layer describes.
pub fn shown_inodes(index: &Index, layer_count: usize) -> Vec<(Vec<u8>, Option<EntryRef>)> {
    let view = View::of_layers(index, layer_count);
    let mut shown = Vec::new();
    let mut nodes = vec![NodeId::ROOT];
    while let Some(node) = nodes.pop() {
        nodes.extend(index.tree.children(node));
        let slot = view.slot(node);
        if slot.is_present() && node != NodeId::ROOT {
            shown.push((index.tree.path(node), slot.get().and_then(|at| index.inode(at))));
        }
    }
    shown
}
