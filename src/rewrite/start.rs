//! The command of a trial whose launcher goes with a finding.

use serde_json::{Value, json};

use crate::analysis::findings::{DirectStart, Finding};
use crate::error::{Error, Result};
use crate::escape::escape;

/// Makes the config start the program directly, where a finding takes its launcher away.
///
/// # Errors
/// Where neither entry point nor CMD is the launching command.
pub(super) fn change(findings: &[Finding], config: &mut Value) -> Result<()> {
    for start in findings.iter().filter_map(|finding| finding.start.as_ref()) {
        set(start, config)?;
    }
    Ok(())
}

fn set(start: &DirectStart, config: &mut Value) -> Result<()> {
    let words = |config: &Value, key: &str| -> Vec<String> {
        let list = config["config"][key].as_array().map_or(&[][..], Vec::as_slice);
        list.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect()
    };
    let (entrypoint, cmd) = (words(config, "Entrypoint"), words(config, "Cmd"));
    if cmd == start.cmd {
        return Ok(());
    }
    if is_call(&cmd, &start.launcher) {
        config["config"]["Cmd"] = json!(start.cmd);
        return Ok(());
    }
    if is_call(&[&entrypoint[..], &cmd].concat(), &start.launcher)
        || (is_shell(&entrypoint) && is_call(&entrypoint, &start.launcher))
    {
        config["config"]["Entrypoint"] = Value::Null;
        config["config"]["Cmd"] = json!(start.cmd);
        return Ok(());
    }
    let what =
        format!("the image cannot be made to start {} instead of its launcher", escape(start.cmd.join(" ").as_bytes()));
    Err(Error::Unsupported { what, hint: "choose the other findings by their IDs" })
}

/// Says whether a shell is given a text: then nothing that follows is looked at.
fn is_shell(words: &[String]) -> bool {
    matches!(words, [shell, flag, _] if shell.ends_with("sh") && flag == "-c")
}

/// Says whether words are a command, also where a shell is given it as a text.
fn is_call(words: &[String], command: &[String]) -> bool {
    match words {
        [] => false,
        [_, _, text] if is_shell(words) => text.split_whitespace().eq(command.iter().map(String::as_str)),
        _ => words == command,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_launcher_is_replaced_where_it_stands() {
        let texts = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
        let start = DirectStart { launcher: texts(&["npm", "start"]), cmd: texts(&["node", "a.js"]) };
        let direct = json!(["node", "a.js"]);
        for (entrypoint, cmd, expected) in [
            (Value::Null, json!(["npm", "start"]), Some((Value::Null, &direct))),
            (json!(["entry.sh"]), json!(["npm", "start"]), Some((json!(["entry.sh"]), &direct))),
            (Value::Null, json!(["/bin/sh", "-c", "npm start"]), Some((Value::Null, &direct))),
            (json!(["npm"]), json!(["start"]), Some((Value::Null, &direct))),
            (json!(["npm", "start"]), Value::Null, Some((Value::Null, &direct))),
            (json!(["entry.sh"]), json!(["node", "a.js"]), Some((json!(["entry.sh"]), &direct))),
            (Value::Null, json!(["/bin/sh", "-c", "x && npm start"]), None),
            (Value::Null, Value::Null, None),
        ] {
            let mut config = json!({"config": {"Entrypoint": entrypoint, "Cmd": cmd}});
            let case = config.to_string();
            let changed = set(&start, &mut config);
            match expected {
                Some((entrypoint, cmd)) => {
                    assert!(changed.is_ok(), "{case}");
                    assert_eq!(
                        (&config["config"]["Entrypoint"], &config["config"]["Cmd"]),
                        (&entrypoint, cmd),
                        "{case}"
                    );
                }
                None => assert!(changed.is_err(), "{case}"),
            }
        }
    }
}
