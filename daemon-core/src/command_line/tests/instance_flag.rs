//! The flag that names an instance.

use super::{ask, plain, usage, words};
use crate::command_line::{Chosen, Invocation};
use crate::daemon::Daemon;
use crate::verb::Verb;

fn settings() -> Daemon {
    plain().instance_flag("--name").control_flag("-s")
}

fn chosen(instance: Option<&str>) -> Chosen {
    Chosen {
        instance: instance.map(str::to_owned),
        ..Chosen::default()
    }
}

#[test]
fn instance_is_read_and_stays_in_argv() {
    for (line, argv, instance) in [
        ("prog -d --name web x", "prog --name web x", Some("web")),
        (
            "prog --name=a.b@c-1_2 -d",
            "prog --name=a.b@c-1_2",
            Some("a.b@c-1_2"),
        ),
        ("prog -d x", "prog x", None),
    ] {
        let expected = Invocation::Background {
            argv: words(argv),
            chosen: chosen(instance),
        };
        assert_eq!(ask(&settings(), &words(line)), Ok(expected), "{line}");
    }
    let expected = Invocation::Control {
        verb: Verb::Stop,
        argv: words("prog --name web"),
        chosen: chosen(Some("web")),
    };
    let answer = ask(&settings(), &words("prog -s stop --name web"));
    assert_eq!(answer, Ok(expected));
}

#[test]
fn instance_is_one_component_of_a_path() {
    let long = "x".repeat(65);
    for name in ["a/b", ".", "..", ".a", "-a", "a b", "\u{e9}", &long] {
        let message = "cannot use the flag --name: expected a name of at most 64 letters, digits, \
                       `.`, `_`, `@` and `-`, and no dot or dash at the beginning, found";
        let line = [&words("prog -d")[..], &[format!("--name={name}").into()]].concat();
        let expected = Err(usage(&format!("{message} {name}")));
        assert_eq!(ask(&settings(), &line), expected, "{name}");
    }
    let longest = format!("prog -d --name {}", "x".repeat(64));
    assert!(ask(&settings(), &words(&longest)).is_ok());
}
