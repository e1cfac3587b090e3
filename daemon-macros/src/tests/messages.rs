//! The message of each mistake, in all its spellings. `tests/ui` shows what it underlines.

use proc_macro2::TokenStream;

use super::with_options;
use crate::expand::attribute;

/// Options with one mistake, and its message.
const MESSAGES: &[(&str, &str)] = &[
    // names
    ("PID = 5", "unknown option `PID`; did you mean `pid`?"),
    (
        "pid-fil = 5",
        "unknown option `pid-fil`; expected one of `background_flag`, ",
    ),
    ("::pid = 5", "expected an option name, found a path"),
    (", pid = 5", "expected an option, found `,`"),
    ("pid: \"a\"", "expected `=` after `pid`, found `:`"),
    ("pid == \"a\"", "expected `=` after `pid`, found `==`"),
    ("pid { \"a\" }", "expected `=` after `pid`, found `{`"),
    (
        "pid = \"a\" \"b\"",
        "expected `,` between options, found `\"b\"`",
    ),
    (
        "pid, log = \"a\"",
        "option `pid` needs a value: `pid = \"/run/name.pid\"`",
    ),
    (
        "env = 5",
        "`env` is set in the builder: `configure = adjust`",
    ),
    (
        "env_clear = true",
        "`env_clear` is set in the builder: `configure = adjust`",
    ),
    // flags
    (
        "background_flag = \"-\"",
        "`-` is not a flag; write a name after it",
    ),
    ("background_flag = \"d\"", "a flag begins with a dash: `-d`"),
    ("log_flag = \"log\"", "a flag begins with a dash: `--log`"),
    (
        "background_flag = \"-h\"",
        "flag `-h` is reserved by convention; choose another",
    ),
    (
        "background_flag = \"-V\"",
        "flag `-V` is reserved by convention; choose another",
    ),
    (
        "background_flag = \"--version\"",
        "flag `--version` is reserved by convention",
    ),
    (
        "pid_flag = \"-d\"",
        "flag `-d` is already the `background_flag`",
    ),
    (
        "pid_flag = \"-b\", background_flag = \"-b\"",
        "flag `-b` is already the `pid_flag`",
    ),
    (
        "pid_flag = \"-f\", log_flag = \"-f\"",
        "flag `-f` is already the `pid_flag`",
    ),
    // paths
    (
        "log = \"name}.log\"",
        "unmatched `}` in the path of `log`; write `}}` for a brace",
    ),
    (
        "log = c\"a.log\"",
        "option `log` takes a plain string literal, without the `c` prefix",
    ),
    (
        "pid = \"/run/..\"",
        "the path of `pid` names a directory; add a file name",
    ),
    (
        "log = \"{log_dir}\"",
        "the path of `log` names a directory; add a file name",
    ),
    (
        "log = \"{}.log\"",
        "unknown placeholder `{}`; expected `{name}`, ",
    ),
    (
        "workdir = \"~\"",
        "`~` is not expanded in the path of `workdir`; write `{home}`",
    ),
    (
        "log = \"${HOME}/a.log\"",
        "environment variables are not expanded in the path of `log`",
    ),
    // readiness
    (
        "ready = \"tcp\"",
        "option `ready` takes `\"tcp:PORT\"` with a port from 1 to 65535",
    ),
    (
        "ready = \"port:80\"",
        "option `ready` takes `\"tcp:PORT\"` with a port",
    ),
    (
        "ready = \"udp:0\"",
        "option `ready` takes `\"udp:PORT\"` with a port",
    ),
    (
        "ready = \"tcp:65536\"",
        "option `ready` takes `\"tcp:PORT\"` with a port",
    ),
    (
        "ready = [\"tcp:80\", \"later\"]",
        "unknown value `later` for `ready`; expected `tcp:PORT`, ",
    ),
    (
        "ready = \"unix:{nmae}\"",
        "unknown placeholder `{nmae}`; did you mean `{name}`?",
    ),
    // sockets
    (
        "listen = [\"a=0.0.0.0:80\", \"a=0.0.0.0:81\"]",
        "the name `a` is listed twice",
    ),
    (
        "listen = [\"a=0.0.0.0:80\", \"b=0.0.0.0:80\"]",
        "the address `0.0.0.0:80` is listed twice",
    ),
    ("listen = []", "option `listen` needs at least one socket"),
    (
        "ready = [\"udp:80\", \"tcp:80\"], listen = \"http=[::]:80\"",
        "a socket of `listen` is listening before the program runs; use `ready = ",
    ),
    (
        "ready = \"unix:/run/a\", listen = [\"a=unix:/run/a\"]",
        "a socket of `listen` is listening before the program runs; use `ready = ",
    ),
    // the rest
    (
        "stdin = 5",
        "`stdin` is set in the builder: `configure = adjust`",
    ),
    (
        "args = [\"a\"]",
        "`args` is set in the builder: `configure = adjust`",
    ),
    (
        "restart_delay = \"5\"",
        "option `restart_delay` takes durations such as `\"500ms..60s\"`",
    ),
    (
        "pid = \"a\", restart_delay = \"1s\"",
        "`restart_delay` needs `restart = \"on-failure\"`",
    ),
    (
        "pid = \"a\", restart_limit = 5",
        "`restart_limit` needs `restart = \"on-failure\"`",
    ),
    (
        "restart = \"never\"",
        "unknown value `never` for `restart`; expected `on-failure` or `always`",
    ),
    (
        "restart = \"on-failure\"",
        "`restart` needs a PID file; add `pid = \"...\"`",
    ),
    (
        "pid_in_foreground = true",
        "`pid_in_foreground` needs a PID file; add `pid = \"...\"`",
    ),
    ("restart_limit = 0", "`restart_limit` must be at least 1"),
    ("log_keep = 1001", "`log_keep` must be at most 1000"),
    (
        "log_rotate = \"10\"",
        "option `log_rotate` takes a size such as `\"10M\"`",
    ),
    (
        "syslog = \"foo\"",
        "unknown facility `foo`; expected `daemon`, `user` or `local0` to `local7`",
    ),
    (
        "log_reopen = \"SIGCHLD\"",
        "`SIGCHLD` has another meaning; use `SIGHUP` or `SIGUSR1`",
    ),
    (
        "control_subcommands = \"stop\"",
        "`stop` is a verb; use another word, such as `run`",
    ),
    (
        "control_subcommands = \"\"",
        "option `control_subcommands` takes a word without a dash: `\"run\"`",
    ),
    (
        "control_subcommands = \"run\"",
        "`control_subcommands` needs a PID file; add `pid = \"...\"`",
    ),
    (
        "stop_signal = \"term\"",
        "option `stop_signal` takes a signal that can be caught, such as ",
    ),
    (
        "kill_mode = 5",
        "`kill_mode` is set in the builder: `configure = adjust`",
    ),
    (
        "env_remove = [\"\"]",
        "option `env_remove` takes names without `=`",
    ),
    ("umask = 022", "`umask` is an octal number; write `0o022`"),
    (
        "umask = 89",
        "`umask` is an octal number; write it as `0o` and three digits from 0 to 7",
    ),
    (
        "stop_timeout = 0",
        "`stop_timeout` must be at least 1 second",
    ),
    ("keep_fds = [-1]", "option `keep_fds` takes "),
    (
        "foreground_flag = [\"-f\", \"-f\"]",
        "flag `-f` is listed twice",
    ),
    (
        "foreground_flag = []",
        "option `foreground_flag` needs at least one flag",
    ),
    (
        "before_start = \"f\"",
        "option `before_start` takes the path of a function without quotes: `before_start = check`",
    ),
    (
        "configure = |daemon| daemon",
        "option `configure` takes the path of a function: ",
    ),
];

/// Items that the attribute refuses, and the message.
const ITEMS: &[(&str, &str)] = &[
    (
        "const A: u8 = 1;",
        "`#[daemon::main]` can only be applied to a function",
    ),
    (
        "enum A {}",
        "`#[daemon::main]` can only be applied to a function",
    ),
    (
        "unsafe impl A for B {}",
        "`#[daemon::main]` can only be applied to a function",
    ),
    (
        "pub(crate) mod a {}",
        "`#[daemon::main]` can only be applied to a function",
    ),
    (
        "static A: u8 = 1;",
        "`#[daemon::main]` can only be applied to a function",
    ),
    (
        "fn main(&mut self) {}",
        "`#[daemon::main]` can only be applied to `fn main`",
    ),
    (
        "fn rocket() {}",
        "use `#[rocket::main] async fn main` instead of `#[rocket::launch]`",
    ),
    (
        "#[tokio::test] async fn main() {}",
        "`#[daemon::main]` cannot be applied to a test",
    ),
    (
        "#[::daemon::main] fn main() {}",
        "`#[daemon::main]` is applied twice",
    ),
    (
        "#[inline] #[doc = \"\"] async fn main() {}",
        "`async fn main` needs a runtime attribute, ",
    ),
];

#[test]
fn each_refused_item_has_its_message() {
    for (item, message) in ITEMS {
        let tokens = item.parse::<TokenStream>().expect("it is tokens");
        let output = attribute(TokenStream::new(), tokens).to_string();
        assert!(output.contains(message), "{item}\n{output}");
    }
}

#[test]
fn each_mistake_has_its_message() {
    for (options, message) in MESSAGES {
        let output = with_options(options);
        let message = message.replace('"', r#"\""#);
        assert!(output.contains(&message), "{options}\n{output}");
    }
}
