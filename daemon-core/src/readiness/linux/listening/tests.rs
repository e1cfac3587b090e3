mod program;

use super::*;

use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::Command;

use program::{Program, end, looks_everywhere, one_at_a_time, watch};

#[test]
fn tcp_over_ipv4_is_seen() {
    assert!(Program::listens_with("tcp"));
}

#[test]
fn tcp_over_ipv6_is_seen() {
    assert!(Program::listens_with("tcp6"));
}

#[test]
fn a_unix_socket_is_seen() {
    assert!(Program::listens_with("unix"));
}

#[test]
fn a_udp_server_is_seen() {
    assert!(Program::listens_with("udp"));
    assert!(Program::listens_with("udp6"));
}

#[test]
fn a_socket_that_is_bound_does_not_listen_until_it_does() {
    let mut program = Program::start();
    assert!(program.does("bind tcp"));
    let mut listening = program.watch();
    for _ in 0..3 {
        assert!(!looks_everywhere(&mut listening));
    }
    assert!(program.does("listen"));
    assert_eq!(listening.look(), Ok(true));
}

#[test]
fn clients_do_not_listen() {
    Program::never_listens_with("clients");
    Program::never_listens_with("nothing");
}

#[test]
fn a_descriptor_of_one_thread_alone_is_seen() {
    Program::listens_with_something_of_one_thread("tcp of one thread");
}

#[test]
fn a_network_namespace_of_one_thread_alone_is_seen() {
    Program::listens_with_something_of_one_thread("tcp in a namespace");
}

#[test]
fn a_socket_that_was_handed_over_does_not_count() {
    let _turn = one_at_a_time();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let inherited = socket_inodes([listener.as_raw_fd()]);
    assert_eq!(inherited.len(), 1);
    let mut child = Command::new("sleep")
        .arg("60")
        .stdin(OwnedFd::from(listener))
        .spawn()
        .unwrap();
    assert_eq!(watch(&child, []).look(), Ok(true));
    assert!(!looks_everywhere(&mut watch(&child, inherited)));
    end(&mut child);
}

/// The socket begins to listen between the look at the descriptors and the look at the numbers.
#[test]
fn a_socket_that_was_counted_before_it_was_seen_is_found() {
    let mut program = Program::start();
    assert!(program.does("tcp"));
    let mut listening = program.watch();
    let mut sockets = HashSet::new();
    listening
        .collect_sockets(listening.process.as_deref().unwrap(), &mut sockets)
        .unwrap();
    assert!(program.does("bind tcp"));
    listening.inherited = sockets;
    assert_eq!(listening.look(), Ok(false));
    listening.inherited.clear();
    assert_eq!(listening.look(), Ok(true));
}

#[test]
fn only_sockets_have_an_inode_to_hand_over() {
    let file = fs::File::open("/dev/null").unwrap();
    assert!(socket_inodes([file.as_raw_fd(), -1, 1_000_000]).is_empty());
}

#[test]
fn a_process_that_ended_is_not_listening_and_not_unreadable() {
    let mut child = Command::new("true").spawn().unwrap();
    let mut listening = watch(&child, []);
    child.wait().unwrap();
    assert_eq!(listening.is_listening(), Ok(false));
    assert!(!listening.look_thoroughly());
}

#[test]
fn a_process_of_another_user_is_unreadable() {
    if nix::unistd::geteuid().is_root() {
        return;
    }
    let mut init = Listening::watch(Pid::from_raw(1), HashSet::new());
    assert_eq!(init.is_listening(), Err(Unreadable));
}

#[test]
fn a_link_to_a_socket_names_its_inode() {
    let inode = |link: &str| parse_socket_link(link.as_ref());
    assert_eq!(inode("socket:[4242]"), Some(4242));
    for link in [
        "pipe:[1]",
        "socket:[]",
        "socket:[x]",
        "socket:[1",
        "/socket:[1]",
        "",
    ] {
        assert_eq!(inode(link), None, "{link}");
    }
}
