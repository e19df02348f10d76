//! Opens the screen, and says how it ended.

use std::sync::Arc;

use super::Failure;
use super::plan::{Colors, Plan};
use crate::exit::Exit;
use crate::tui::app::Options;
use crate::tui::config::ScreenConfig;
use crate::tui::theme::Theme;
use crate::tui::{Ending, terminal};

/// Opens the screen.
pub(super) fn browse(plan: Plan) -> Result<Exit, Failure> {
    let config = ScreenConfig::load().map_err(Failure::Usage)?;
    let look = &plan.look;
    let theme = if look.colors == Colors::Nothing { Some(Theme::Mono) } else { look.screen.theme.or(config.theme) };
    let options = Options {
        theme: theme.unwrap_or_default(),
        keys: config.keys,
        units: look.units,
        mouse: !look.screen.no_mouse && config.mouse.unwrap_or(true),
        rules: plan.rules,
        source: plan.image,
        access: plan.open.load.access.clone(),
        progress: Arc::clone(&plan.open.load.progress),
    };
    match terminal::run(options, &plan.open).map_err(Failure::Terminal)? {
        Ending::Quit | Ending::Closed => Ok(Exit::Success),
        Ending::Failed(error) => Err(Failure::Image(error)),
        Ending::Signal(signal) => {
            terminal::die_of(signal);
            Ok(Exit::Success)
        }
        Ending::Died => Ok(Exit::Unreadable),
    }
}
