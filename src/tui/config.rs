//! The user's own file, for the screen only: `layerlens/config.toml` in `$XDG_CONFIG_HOME`, else in `~/.config`.
//!
//! ```toml
//! [ui]
//! theme = "color-blind"
//! mouse = false
//! [ui.keys]
//! quit = "Q"
//! down = ["j", "ctrl-n"]
//! ```

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::keys::KeyMap;
use super::theme::Theme;

/// What the file says about the screen.
#[derive(Debug, Clone, Default)]
pub struct ScreenConfig {
    /// The colours, where it says.
    pub theme: Option<Theme>,
    /// Whether the mouse is used, where it says.
    pub mouse: Option<bool>,
    /// The keys.
    pub keys: KeyMap,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct File {
    ui: Ui,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Ui {
    theme: Option<String>,
    mouse: Option<bool>,
    keys: BTreeMap<String, Keys>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Keys {
    One(String),
    Many(Vec<String>),
}

impl ScreenConfig {
    /// Reads the user's file; without one, the defaults hold.
    ///
    /// # Errors
    /// The file's name and what is wrong in it.
    pub fn load() -> Result<Self, String> {
        let Some(path) = path() else {
            return Ok(ScreenConfig::default());
        };
        match std::fs::read_to_string(&path) {
            Ok(text) => ScreenConfig::parse(&text).map_err(|problem| format!("{}: {problem}", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(ScreenConfig::default()),
            Err(error) => Err(format!("{}: {error}", path.display())),
        }
    }

    /// Parses the text of a file.
    ///
    /// # Errors
    /// A sentence about what is wrong in it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let File { ui } = toml::from_str(text).map_err(|error: toml::de::Error| {
            // Rules belong to a project, not to one user.
            let hint = if error.message().starts_with("unknown field `rules`") {
                "\nrules belong in the project's .layerlens.toml"
            } else {
                ""
            };
            format!("{}{hint}", error.to_string().trim_end())
        })?;
        let theme = ui.theme.map(|name| theme(&name)).transpose()?;
        let list = |keys| match keys {
            Keys::One(key) => vec![key],
            Keys::Many(keys) => keys,
        };
        let changes = ui.keys.into_iter().map(|(name, keys)| (name, list(keys))).collect();
        Ok(ScreenConfig { theme, mouse: ui.mouse, keys: KeyMap::remapped(&changes)? })
    }
}

/// Returns the theme of that name, or says which there are.
///
/// # Errors
/// The sentence.
pub fn theme(name: &str) -> Result<Theme, String> {
    let known = || Theme::ALL.map(|(name, _)| name).join(", ");
    Theme::named(name).ok_or_else(|| format!("unknown theme {name:?}: the themes are {}", known()))
}

fn path() -> Option<PathBuf> {
    let directory = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let config = directory("XDG_CONFIG_HOME").or_else(|| directory("HOME").map(|home| home.join(".config")));
    config.map(|config| config.join("layerlens").join("config.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_understood() {
        let config =
            ScreenConfig::parse("[ui]\ntheme = \"mono\"\nmouse = false\n[ui.keys]\nquit = \"Q\"\ndown = [\"j\"]\n");
        let config = config.expect("valid");
        assert_eq!((config.theme, config.mouse), (Some(Theme::Mono), Some(false)));
        assert!(ScreenConfig::parse("").expect("empty").theme.is_none());
    }

    #[test]
    fn mistakes_are_explained() {
        assert!(
            ScreenConfig::parse("[ui.keys]\nqit = \"Q\"").expect_err("no action").contains("did you mean \"quit\"?")
        );
        assert!(
            ScreenConfig::parse("[ui]\ntheme = \"pink\"").expect_err("no theme").contains("the themes are default")
        );
        assert!(ScreenConfig::parse("[ui]\ncolour = 1").expect_err("no field").contains("colour"));
        assert!(ScreenConfig::parse("[rules]\nmax-waste = 1").expect_err("of a project").contains(".layerlens.toml"));
    }
}
