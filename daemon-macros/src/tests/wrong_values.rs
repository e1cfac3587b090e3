//! Wrong values, as the attribute and as the builder gets them: both refuse them, in the same words.

use std::time::Duration;

use daemon::{Daemon, ListenAddress, PathSource, Readiness, Signal};
use proc_macro2::{TokenStream, TokenTree};
use quote::quote;
use syn::LitStr;

use crate::expand::attribute;
use crate::option_table::OPTIONS;

/// An option, its value in the attribute, and a builder with that value.
type WrongValue = (&'static str, &'static str, fn() -> Daemon);

macro_rules! wrong_values {
    ($($option:ident: $($written:literal $(=> $argument:expr)+),+;)+) => {
        &[$($((stringify!($option), $written, || Daemon::new().$option($($argument),+))),+),+]
    };
}

const MINUTE: Duration = Duration::from_secs(60);
const TWO_DAYS: Duration = Duration::from_secs(2 * 24 * 60 * 60);
const NO_FLAGS: [&str; 0] = [];

use PathSource as Path;

#[rustfmt::skip] // a table is read by its columns
const WRONG_VALUES: &[WrongValue] = wrong_values! {
    background_flag:
        "[]" => NO_FLAGS,
        r#"["-b", "-b"]"# => ["-b", "-b"],
        r#""-h""# => ["-h"],
        r#""-V""# => ["-V"],
        r#""--version""# => ["--version"],
        r#"["-b", "--help"]"# => ["-b", "--help"];
    foreground_flag:
        "[]" => NO_FLAGS,
        r#"["-f", "-f"]"# => ["-f", "-f"],
        r#""f""# => ["f"];
    subcommand:
        "[]" => NO_FLAGS,
        r#"["mount", "mount"]"# => ["mount", "mount"],
        r#""""# => [""],
        r#""-x""# => ["-x"],
        r#""a\0""# => ["a\0"];
    pid_flag:
        r#""""# => "",
        r#""p""# => "p",
        r#""pid""# => "pid",
        r#""--p""# => "--p",
        r#""-p\0""# => "-p\0";
    log_flag:
        r#""-log""# => "-log",
        r#""---log""# => "---log",
        r#""--a b""# => "--a b";
    timeout_flag:
        r#""--""# => "--",
        r#""-""# => "-";
    instance_flag:
        r#""--name=""# => "--name=";
    pid:
        r#""""# => "",
        r#""""# => Path::template(""),
        r#""a\0b""# => "a\0b",
        r#""{name}\0""# => Path::template("{name}\0"),
        r#""~/{name}.pid""# => Path::template("~/{name}.pid"),
        r#""/run/""# => Path::template("/run/"),
        r#""/run/..""# => Path::template("/run/.."),
        r#""{pid_dir}""# => Path::template("{pid_dir}"),
        r#""{runtime_dir}/a""# => Path::template("{runtime_dir}/a"),
        r#""{name.pid""# => Path::template("{name.pid"),
        r#""a}.pid""# => Path::template("a}.pid");
    pid_mode:
        "0o4644" => 0o4644,
        "0o044" => 0o044;
    log:
        r#""$HOME/a.log""# => Path::template("$HOME/a.log"),
        r#""${HOME}/a.log""# => Path::template("${HOME}/a.log"),
        r#""/var/log/""# => Path::template("/var/log/"),
        r#""a/{log_dir}""# => Path::template("a/{log_dir}"),
        r#""{other_value}.log""# => Path::template("{other_value}.log"),
        r#""{}.log""# => Path::template("{}.log");
    log_mode:
        "0o1640" => 0o1640,
        "0o400" => 0o400;
    log_reopen:
        r#""SIGKILL""# => Signal::SIGKILL,
        r#""SIGTERM""# => Signal::SIGTERM,
        r#""SIGCHLD""# => Signal::SIGCHLD,
        r#""SIGSEGV""# => Signal::SIGSEGV;
    log_rotate:
        r#""0K""# => 0;
    log_keep:
        "0" => 0,
        "1001" => 1001;
    syslog:
        r#""somewhere""# => "somewhere",
        r#""-""# => "-",
        r#""kern""# => "kern";
    ready:
        "[]" => Readiness::all([]),
        r#""tcp:0""# => Readiness::tcp(0),
        r#""udp:0""# => Readiness::udp(0),
        r#""unix:""# => Readiness::unix(""),
        r#""unix:@""# => Readiness::unix("@"),
        r#""unix:""# => Readiness::unix(Path::template("")),
        r#""unix:~/a""# => Readiness::unix(Path::template("~/a")),
        r#""unix:/run/""# => Readiness::unix(Path::template("/run/")),
        r#""unix:@{a}""# => Readiness::unix(Path::template("@{a}")),
        r#""unix:a\0""# => Readiness::unix("a\0"),
        r#"["tcp:80", "tcp:80"]"# => Readiness::all([Readiness::tcp(80), Readiness::tcp(80)]),
        r#"["tcp:80", "notify"]"# => Readiness::all([Readiness::tcp(80), Readiness::notify()]);
    ready_timeout:
        "0" => Duration::ZERO;
    control_flag:
        r#""--s""# => "--s";
    control_subcommands:
        r#""""# => "",
        r#""-s""# => "-s",
        r#""stop""# => "stop",
        r#""run\0""# => "run\0";
    stop_signal:
        r#""SIGKILL""# => Signal::SIGKILL,
        r#""SIGSTOP""# => Signal::SIGSTOP,
        r#""SIGSEGV""# => Signal::SIGSEGV,
        r#""SIGPIPE""# => Signal::SIGPIPE;
    stop_timeout:
        "0" => Duration::ZERO;
    restart_delay:
        r#""1min..1s""# => MINUTE..=Duration::from_secs(1),
        r#""2d""# => TWO_DAYS..=TWO_DAYS;
    restart_limit:
        "0" => 0;
    workdir:
        r#""""# => "",
        r#""~""# => Path::template("~"),
        r#""$PWD""# => Path::template("$PWD");
    umask:
        "0o1000" => 0o1000;
    env_remove:
        "[]" => NO_FLAGS,
        r#"["A", "A"]"# => ["A", "A"],
        r#""""# => [""],
        r#""A=B""# => ["A=B"],
        r#""A\0""# => ["A\0"];
    keep_fds:
        "[2]" => [2],
        "[3, 4, 3]" => [3, 4, 3];
    listen:
        r#""0.0.0.0:80""# => "" => "0.0.0.0:80",
        r#""a:b=0.0.0.0:80""# => "a:b" => "0.0.0.0:80",
        r#""a b=0.0.0.0:80""# => "a b" => "0.0.0.0:80",
        r#""a=80""# => "a" => "80",
        r#""a=localhost:80""# => "a" => "localhost:80",
        r#""a=unix:""# => "a" => "unix:",
        r#""a=unix:@""# => "a" => ListenAddress::unix(Path::template("@")),
        r#""a=unix:~/a""# => "a" => ListenAddress::unix(Path::template("~/a")),
        r#""a=unix:/run/""# => "a" => ListenAddress::unix(Path::template("/run/")),
        r#""a=unix:a\0""# => "a" => ListenAddress::unix("a\0");
    user:
        r#""""# => "",
        r#""a\0""# => "a\0";
    group:
        r#""""# => "",
        r#""a\0""# => "a\0";
    chroot:
        r#""{roots}/a""# => Path::template("{roots}/a");
};

/// Options that take a type whose values are all right.
const NEVER_WRONG: &[&str] = &[
    "pid_in_foreground",
    "restart",
    "before_start",
    "configure",
    "crate",
];

#[test]
fn builder_refuses_wrong_values_in_the_same_words() {
    for (option, written, daemon) in WRONG_VALUES {
        let case = format!("{option} = {written}");
        let by_builder = daemon().control().expect_err(&case).to_string();
        let what = format!("cannot use the option `{option}`: ");
        let by_builder = by_builder.strip_prefix(&what).expect(&by_builder);
        let by_attribute = messages(&format!("{case}, configure = f"));
        let [by_attribute] = &*by_attribute else {
            unreachable!("{case}: {by_attribute:?}")
        };
        // The attribute refuses a value where it stands, and so names no option in some messages.
        let words = |message: &str| without_option(option, message);
        assert_eq!(words(by_attribute), words(by_builder), "{case}");
    }
}

/// Options that lack another one: the option, the attribute, and a builder.
const LACKING: &[WrongValue] = &[
    ("restart_delay", "restart_delay = \"1s\"", || {
        Daemon::new().restart_delay(MINUTE..=MINUTE)
    }),
    ("restart_limit", "restart_limit = 3", || {
        Daemon::new().restart_limit(3)
    }),
    ("log_reopen", "log_reopen = \"SIGUSR1\"", || {
        Daemon::new().log_reopen(Signal::SIGUSR1)
    }),
    (
        "log_rotate",
        "pid = \"/a\", control_flag = \"-s\", log_rotate = \"1M\"",
        || {
            let daemon = Daemon::new().pid("/a").control_flag("-s");
            daemon.log_rotate(1 << 20)
        },
    ),
    ("log_rotate", "log = \"/a\", log_rotate = \"1M\"", || {
        Daemon::new().log("/a").log_rotate(1 << 20)
    }),
    ("log_keep", "log = \"/a\", log_keep = 3", || {
        Daemon::new().log("/a").log_keep(3)
    }),
    ("pid_mode", "pid_mode = 0o600", || {
        Daemon::new().pid_mode(0o600)
    }),
    ("log_mode", "pid = \"/a\", log_mode = 0o600", || {
        Daemon::new().pid("/a").log_mode(0o600)
    }),
];

#[test]
fn builder_refuses_lacking_options_in_the_same_words() {
    for (option, written, daemon) in LACKING {
        let by_builder = daemon().unit().expect_err(written);
        assert_eq!(by_builder.exit_status(), 78, "{written}");
        let what = format!("cannot use the option `{option}`: ");
        let by_builder = by_builder.to_string();
        let by_builder = by_builder.strip_prefix(&what).expect(&by_builder);
        let expected = format!("`{option}` {by_builder}");
        assert_eq!(messages(written), [expected], "{written}");
        // It may set what is lacking.
        let configured = daemon().configure(|daemon| daemon).unit();
        configured.expect(written);
        let written = format!("{written}, configure = f");
        assert_eq!(messages(&written), [""; 0], "{written}");
    }
}

#[test]
fn every_option_has_a_wrong_value() {
    for option in OPTIONS {
        let name = option.name;
        let is_listed = WRONG_VALUES.iter().any(|(option, ..)| *option == name);
        assert_ne!(is_listed, NEVER_WRONG.contains(&name), "{name}");
    }
}

/// The message without the name of the option and without the quotes of a literal.
fn without_option(option: &str, message: &str) -> String {
    let mut message = message.replace('"', "");
    for name in [
        format!(" of `{option}`"),
        format!(" in `{option}`"),
        format!("option `{option}` "),
        format!("`{option}`: "),
        format!("`{option}` "),
    ] {
        message = message.replace(&name, "");
    }
    message
}

/// The compile errors for these options.
fn messages(options: &str) -> Vec<String> {
    let options = options.parse::<TokenStream>().expect("it is tokens");
    let main = quote!(
        fn main() {}
    );
    let mut messages = Vec::new();
    let mut is_error = false;
    for tree in attribute(options, main) {
        match tree {
            TokenTree::Ident(name) => is_error = name == "compile_error",
            TokenTree::Group(group) if is_error => {
                let message = syn::parse2::<LitStr>(group.stream()).expect("a message");
                messages.push(message.value());
                is_error = false;
            }
            _ => {}
        }
    }
    messages
}
