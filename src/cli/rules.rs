//! The flags of the gate. Those with a limit come from the table of rules.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use crate::config::Setting;
use crate::gate::paths::{Forbidden, Ignore, PathPattern};
use crate::gate::{Level, Rule, Threshold};

#[derive(Debug, Args)]
#[command(next_help_heading = "Rules (equality passes; only those given are judged)")]
pub(super) struct RuleArgs {
    #[command(flatten)]
    limits: LimitArgs,

    /// Paths that no layer may hold, even if deleted later: '*.pem', /root/.ssh. May be given several times.
    ///
    /// Patterns are read as in .gitignore: without a slash in front they match at every depth, and what matches a directory
    /// matches everything below it.
    #[arg(long, value_name = "GLOB")]
    forbid: Vec<PathPattern>,

    /// Compare with this: an earlier JSON report, a file from --write-baseline, or an image.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,

    /// Write the image's numbers for a later --baseline.
    #[arg(long, value_name = "FILE")]
    pub(super) write_baseline: Option<PathBuf>,

    /// Warn beyond a limit of any rule, and pass: max-waste=5MB, forbid=*.log. May be given several times.
    #[arg(long, value_name = "RULE=LIMIT", value_parser = |text: &str| Setting::assignment(text, Level::Warn))]
    warn: Vec<Setting>,

    /// Paths whose waste the rules leave out; it is still shown. May be given several times.
    ///
    /// The configuration file can say why, and until when.
    #[arg(long, value_name = "GLOB")]
    ignore: Vec<PathPattern>,
}

impl RuleArgs {
    pub(super) fn settings(&self) -> Vec<Setting> {
        let forbid =
            |pattern: &PathPattern| Setting::Forbid(Forbidden { pattern: pattern.clone(), level: Level::Fail });
        let ignore = |pattern: &PathPattern| {
            Setting::Ignore(Ignore { pattern: pattern.clone(), reason: None, expires: None, set_in: None })
        };
        let settings = self.limits.0.iter().cloned();
        let settings = settings.chain(self.forbid.iter().map(forbid)).chain(self.ignore.iter().map(ignore));
        settings.chain(self.baseline.clone().map(Setting::Baseline)).chain(self.warn.iter().cloned()).collect()
    }
}

/// The flags of the rules that have a limit.
#[derive(Debug)]
struct LimitArgs(Vec<Setting>);

impl Args for LimitArgs {
    fn augment_args(command: Command) -> Command {
        let flag = |rule: Rule| {
            let flag = Arg::new(rule.name()).long(rule.name()).value_name(rule.value_name()).help(rule.help());
            flag.value_parser(move |text: &str| rule.parse(text))
        };
        command.args(Rule::all().map(flag))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for LimitArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |rule: Rule| Some((rule, matches.get_one::<Threshold>(rule.name())?));
        let limit = |(rule, limit): (Rule, &Threshold)| Setting::Limit(rule, Level::Fail, limit.clone());
        Ok(LimitArgs(Rule::all().filter_map(given).map(limit).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
