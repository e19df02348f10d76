//! The flags of the gate.

use std::path::PathBuf;

use clap::Args;

use crate::config::Setting;
use crate::gate::paths::{Forbidden, Ignore, PathPattern};
use crate::gate::{Level, Rule, Threshold};

#[derive(Debug, Args)]
#[command(next_help_heading = "Rules (equality passes; only those given are judged)")]
pub(super) struct RuleArgs {
    /// Most bytes that may be wasted: 10MB, 10MiB, or a share of the stored bytes like 2.5%.
    #[arg(long, value_name = "SIZE", value_parser = |text: &str| Rule::MaxWaste.parse(text))]
    max_waste: Option<Threshold>,

    /// The same for the layers above the base image, as a share of theirs.
    #[arg(long, value_name = "SIZE", value_parser = |text: &str| Rule::MaxUserWaste.parse(text))]
    max_user_waste: Option<Threshold>,

    /// Least share of the stored bytes that containers see: 0.95 or 95%.
    #[arg(long, value_name = "SHARE", value_parser = |text: &str| Rule::MinEfficiency.parse(text))]
    min_efficiency: Option<Threshold>,

    /// Most bytes that the image may store (uncompressed content of all layers).
    #[arg(long, value_name = "SIZE", value_parser = |text: &str| Rule::MaxSize.parse(text))]
    max_size: Option<Threshold>,

    /// Most bytes that one layer may store.
    #[arg(long, value_name = "SIZE", value_parser = |text: &str| Rule::MaxLayerSize.parse(text))]
    max_layer_size: Option<Threshold>,

    /// Most bytes of one file, in any layer, be it deleted later.
    #[arg(long, value_name = "SIZE", value_parser = |text: &str| Rule::MaxFileSize.parse(text))]
    max_file_size: Option<Threshold>,

    /// Most layers.
    #[arg(long, value_name = "N", value_parser = |text: &str| Rule::MaxLayers.parse(text))]
    max_layers: Option<Threshold>,

    /// Paths that no layer may hold, be they deleted later: '*.pem', /root/.ssh. May be given several times.
    ///
    /// Patterns are read as in .gitignore: without a slash in front they match at every depth, and what matches a directory
    /// matches everything below it.
    #[arg(long, value_name = "GLOB")]
    forbid: Vec<PathPattern>,

    /// Most bytes that more may be stored than in --baseline: 10MB, or a share of its stored bytes like 1%.
    #[arg(long, value_name = "SIZE", value_parser = |text: &str| Rule::MaxGrowth.parse(text))]
    max_growth: Option<Threshold>,

    /// Most bytes that more may be wasted than in --baseline: 10MB, or a share of its wasted bytes like 1%.
    #[arg(long, value_name = "SIZE", value_parser = |text: &str| Rule::MaxWasteGrowth.parse(text))]
    max_waste_growth: Option<Threshold>,

    /// What the image is compared with: an earlier JSON report, what --write-baseline wrote, or an image.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,

    /// Write the image's numbers, for a later --baseline.
    #[arg(long, value_name = "FILE")]
    pub(super) write_baseline: Option<PathBuf>,

    /// Warn beyond a limit of any rule, and pass: max-waste=5MB, forbid=*.log. May be given several times.
    #[arg(long, value_name = "RULE=LIMIT", value_parser = |text: &str| Setting::assignment(text, Level::Warn))]
    warn: Vec<Setting>,

    /// Paths whose waste the rules overlook; it is still shown. May be given several times.
    ///
    /// The configuration file can say why, and until when.
    #[arg(long, value_name = "GLOB")]
    ignore: Vec<PathPattern>,
}

impl RuleArgs {
    pub(super) fn settings(&self) -> Vec<Setting> {
        let limits = [
            (Rule::MaxWaste, &self.max_waste),
            (Rule::MaxUserWaste, &self.max_user_waste),
            (Rule::MinEfficiency, &self.min_efficiency),
            (Rule::MaxSize, &self.max_size),
            (Rule::MaxLayerSize, &self.max_layer_size),
            (Rule::MaxFileSize, &self.max_file_size),
            (Rule::MaxLayers, &self.max_layers),
            (Rule::MaxGrowth, &self.max_growth),
            (Rule::MaxWasteGrowth, &self.max_waste_growth),
        ];
        let limit = |(rule, limit): (Rule, &Option<Threshold>)| Some(Setting::Limit(rule, Level::Fail, limit.clone()?));
        let forbid =
            |pattern: &PathPattern| Setting::Forbid(Forbidden { pattern: pattern.clone(), level: Level::Fail });
        let ignore =
            |pattern: &PathPattern| Setting::Ignore(Ignore { pattern: pattern.clone(), reason: None, expires: None });
        let settings = limits.into_iter().filter_map(limit);
        let settings = settings.chain(self.forbid.iter().map(forbid)).chain(self.ignore.iter().map(ignore));
        settings.chain(self.baseline.clone().map(Setting::Baseline)).chain(self.warn.iter().cloned()).collect()
    }
}
