//! The units that the program prints, under systemd as process 1.

use daemon::Daemon;

use super::machine::expect_right_with;
use crate::log_recipes::recipe_of;
use crate::support::requires;

/// The options that are also variables of the unit.
const RUN: &str = r#"
    install() {
        cd $HERE
        $report -s unit "$@" 2> warnings > /run/systemd/system/report.service || cat warnings
        systemctl daemon-reload
    }
    report=$1
    shift
    nl='
'
    steps="block:1 listener:http=0.0.0.0:80 status:up ready report await:1 note:reloaded hang"
    export TEST_OPTIONS="control_flag=-s${nl}ready=notify${nl}stop_timeout=5${nl}workdir=$HERE${nl}restart=on-failure
env=TEST_DOES:$steps${nl}env=TEST_REPORT:$HERE/report.json${nl}umask=027${nl}user=nobody
listen=http=0.0.0.0:80"
    # The inode of the socket that the program has.
    socket() {
        check "$(cut -d ' ' -f 1 http)" 0.0.0.0:80 address
        readlink /proc/$1/fd/$(cut -d ' ' -f 2 http)
    }
    chmod 777 $HERE
"#;

#[test]
fn printed_unit_runs_the_program_under_systemd() {
    // Every byte that an argument can have.
    let all: Vec<u8> = (1..=255).collect();
    let words: [&[u8]; 7] = [
        &all,
        b"-x",
        b"",
        b"$HOME ${A} %n",
        b";",
        b"a b'c\"",
        b"\\x41\\",
    ];
    let script = format!(
        r#"{RUN}
            install "$@"
            grep -q "an argument is not UTF-8" warnings || cat warnings
            systemctl start report || journalctl -u report
            group=/sys/fs/cgroup/system.slice/report.service
            tail -z -n +2 /proc/$(cat $group/cgroup.procs)/cmdline > got
            printf '%s\0' "$@" > expected
            cmp got expected
            systemctl stop report

            shift
            install "$@"
            systemctl start report || systemctl status report
            check "$(show report ActiveState)" active state
            check "$(show report StatusText)" up status
            main=$(show report MainPID)
            check "$(stat -c %U /proc/$main)" nobody user
            check "$(grep Umask: /proc/$main/status)" "Umask:	0027" umask
            tail -z -n +2 /proc/$main/cmdline > got
            printf '%s\0' "$@" > expected
            cmp got expected
            ! systemctl reload report 2>&- || echo it reloads
            sed -i 's/^# ExecReload=/ExecReload=/' /run/systemd/system/report.service
            systemctl daemon-reload
            systemctl reload report || systemctl status report
            soon "test -s reloaded"
            check "$(cat reloaded) $(show report MainPID)" "$main $main" "after reload"
            systemctl restart report
            test "$(show report MainPID)" != $main || echo it was not restarted
            main=$(show report MainPID)
            # `kill` would take 0 for the process group of the tests.
            test $main != 0 || exit 1
            kept=$(socket $main)
            kill -KILL $main
            soon 'test $(show report NRestarts) = 1 && test $(show report ActiveState) = active'
            test "$(show report MainPID)" != $main || echo it was not restarted after a kill
            check "$(socket $(show report MainPID))" "$kept" "socket after a kill"
            systemctl stop report
            check "$(show report ActiveState) $(show report Result)" "inactive success" end
        "#
    );
    expect_right_with(&script, &words);
}

#[test]
fn commands_of_the_documentation_run_the_program_at_boot() {
    if !requires::program("runuser") || !requires::program("useradd") {
        return;
    }
    // Every byte that a variable can have in a unit.
    let mut value: String = (' '..='~')
        .chain("\t\n\u{fc}\u{20ac}\u{1f600}".chars())
        .collect();
    value.push_str("  \\");
    let unit = Daemon::new().env("ROUND", &value).unit().expect("a unit");
    let variable = unit.lines().find(|line| line.starts_with("Environment="));
    let script = r#"
        cp $1 /usr/local/bin/hello
        useradd --create-home tester
        loginctl enable-linger tester
        export TEST_OPTIONS="control_flag=-s
ready=exec
workdir=/
env=TEST_DOES:hang"
        sudo() { "$@" 2> said || cat said; }
        mkdir /usr/local/units
        cd /usr/local/units
SYSTEM
        check "$(show hello ActiveState) $(show hello UnitFileState)" "active enabled" unit
        words() { tail -z -n +2 /proc/$1/cmdline | tr '\0' ' '; }
        check "$(words $(show hello MainPID))" "serve --port 80 " words
        systemctl disable --now hello 2>&-
        # An instance has the name that systemd gives to instances.
        TEST_OPTIONS="$TEST_OPTIONS
instance_flag=--name" hello serve -s unit --name w@b > /etc/systemd/system/hello@w@b.service
        systemctl enable --now hello@w@b 2>&-
        check "$(show hello@w@b ActiveState) $(show hello@w@b UnitFileState)" "active enabled" instance
        check "$(words $(show hello@w@b MainPID))" "serve --name w@b " "words of an instance"
        systemctl disable --now hello@w@b 2>&-
        cp $1 /home/tester/hello
        /home/tester/hello -s unit 2>&1 >/dev/null | grep -q "program /home/tester/hello is in a home" ||
            echo no warning
        cat > /usr/local/recipe << 'END'
            export XDG_RUNTIME_DIR=/run/user/$(id -u)
            loginctl() { test "$1" = enable-linger; }
            cd
USER
            systemctl --user show hello --property=ActiveState,UnitFileState --value
            systemctl --user show hello --property=MainPID --value > main
END
        chmod 755 /usr/local/recipe
        soon 'test -S /run/user/$(id -u tester)/systemd/private'
        answer=$(runuser -l tester -w TEST_OPTIONS -c "sh /usr/local/recipe" 2>&1 | grep -v "^Created symlink")
        check "$(echo $answer)" "active enabled" "unit of a user"
        check "$(words $(cat /home/tester/main))" "serve --port 8080 " "words of a user"
        # The variable comes through as it is.
        unit round << END
[Service]
Type=oneshot
$2
ExecStart=/bin/sh -c 'printf %%s "$\$ROUND" > $HERE/got'
END
        systemctl start round
        printf %s "$3" | cmp - $HERE/got
    "#;
    let script = script.replace("SYSTEM", &recipe_of(PAGE, "-s unit >"));
    let script = script.replace("USER", &recipe_of(PAGE, "-s user-unit >"));
    let variable = variable.expect("a variable").as_bytes();
    expect_right_with(&script, &[variable, value.as_bytes()]);
}

const PAGE: &str = "service-managers.md";
