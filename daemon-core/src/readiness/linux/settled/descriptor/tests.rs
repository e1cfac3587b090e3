use super::*;

use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

/// What a set or a read of descriptors of this process would wait for.
fn awaited(descriptors: &Descriptors) -> Awaited {
    let pid = Pid::this();
    let task = Task {
        id: pid,
        directory: "/proc/self".into(),
    };
    DescriptorTable {
        task: &task,
        sockets: &mut PeerSockets::default(),
        family: &[pid],
    }
    .awaited(descriptors)
}

fn set(descriptors: &[&dyn AsRawFd]) -> Awaited {
    let descriptors = descriptors.iter().map(|descriptor| descriptor.as_raw_fd());
    awaited(&Descriptors::Set(descriptors.collect()))
}

fn epoll(entries: &[(&dyn AsFd, EpollFlags)]) -> Epoll {
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).unwrap();
    for (entry, flags) in entries {
        epoll.add(entry, EpollEvent::new(*flags, 0)).unwrap();
    }
    epoll
}

fn temporary_path() -> PathBuf {
    std::env::temp_dir().join(format!("descriptor-{}", Pid::this()))
}

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

#[test]
fn sockets_are_told_apart() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (listener, path) = (listener(), temporary_path());
    let port = listener.local_addr().unwrap().port();
    assert_eq!(set(&[&listener]).sources, [WakeSource::Server(port)]);
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    let client_port = client.local_addr().unwrap().port();
    assert_eq!(
        set(&[&client, &accepted]).sources,
        [
            WakeSource::Unspoken(client_port),
            WakeSource::Unspoken(port)
        ]
    );
    let unix = UnixListener::bind(&path).unwrap();
    fs::remove_file(path).unwrap();
    assert_eq!(set(&[&unix]).sources, [WakeSource::Server(0)]);
    assert_eq!(
        set(&[&ours, &theirs]).sources,
        [WakeSource::Internal, WakeSource::Internal]
    );
    let resolver = UdpSocket::bind("127.0.0.1:0").unwrap();
    assert_eq!(set(&[&resolver]).sources, [WakeSource::Other]);
}

#[test]
fn members_of_an_epoll_set_are_seen() {
    let (listener, (stream, _peer)) = (listener(), UnixStream::pair().unwrap());
    let inner = epoll(&[(&listener, EpollFlags::EPOLLIN | EpollFlags::EPOLLET)]);
    let outer = epoll(&[
        (&inner.0, EpollFlags::EPOLLIN),
        (&stream, EpollFlags::EPOLLIN | EpollFlags::EPOLLONESHOT),
    ]);
    let mut sources = set(&[&outer.0]).sources;
    sources.sort();
    let port = listener.local_addr().unwrap().port();
    assert_eq!(sources, [WakeSource::Server(port), WakeSource::Internal]);
}

#[test]
fn member_without_events_is_not_waited_for() {
    let listener = listener();
    let set_of = |flags| set(&[&epoll(&[(&listener, flags)]).0]).sources;
    assert_eq!(set_of(EpollFlags::empty()), []);
    assert_eq!(set_of(EpollFlags::EPOLLONESHOT), []);
}

#[test]
fn closed_member_is_not_taken_for_another_file() {
    let (stream, peer) = UnixStream::pair().unwrap();
    let epoll = epoll(&[(&peer, EpollFlags::EPOLLIN)]);
    // The set keeps what the duplicate has open; its descriptor is taken by the listener.
    let _kept = peer.try_clone().unwrap();
    let mut peer = OwnedFd::from(peer);
    nix::unistd::dup2(listener(), &mut peer).unwrap();
    assert_eq!(set(&[&epoll.0]).sources, []);
    drop(stream);
}

#[test]
fn armed_timer_is_a_limit() {
    let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_CLOEXEC).unwrap();
    let epoll = epoll(&[(&timer, EpollFlags::EPOLLIN)]);
    assert_eq!(set(&[&epoll.0]).timer, None);
    let minute = TimeSpec::from_duration(Duration::from_secs(60));
    timer
        .set(Expiration::OneShot(minute), TimerSetTimeFlags::empty())
        .unwrap();
    let awaited = set(&[&epoll.0]);
    assert_eq!(awaited.sources, [WakeSource::Internal]);
    let left = awaited.timer.unwrap();
    assert!(
        left > Duration::from_secs(30) && left <= Duration::from_secs(60),
        "{left:?}"
    );
}

#[test]
fn read_of_a_socket_has_its_timeout() {
    let (stream, _peer) = UnixStream::pair().unwrap();
    let read = |stream: &UnixStream| awaited(&Descriptors::Read(stream.as_raw_fd()));
    assert_eq!(read(&stream).receive_timeout, None);
    let timeout = Some(Duration::from_millis(400));
    stream.set_read_timeout(timeout).unwrap();
    assert_eq!(read(&stream).receive_timeout, timeout);
    assert_eq!(read(&stream).sources, [WakeSource::Internal]);
}

#[test]
fn unreadable_descriptor_is_unclear() {
    assert_eq!(
        awaited(&Descriptors::Unknown).sources,
        [WakeSource::Unclear]
    );
    let closed = Descriptors::Set(vec![1_000_000]);
    assert_eq!(awaited(&closed).sources, [WakeSource::Unclear]);
    let read = Descriptors::Read(1_000_000);
    assert_eq!(awaited(&read).sources, [WakeSource::Unclear]);
}

#[test]
fn what_another_process_can_end_is_not_internal() {
    for (link, source) in [
        ("anon_inode:[eventfd]", WakeSource::Internal),
        ("anon_inode:[signalfd]", WakeSource::Internal),
        ("anon_inode:inotify", WakeSource::Files),
        ("anon_inode:[io_uring]", WakeSource::Unclear),
        ("anon_inode:[unknown]", WakeSource::Other),
        ("pipe:[1]", WakeSource::Other),
        ("/dev/pts/1", WakeSource::Other),
    ] {
        assert_eq!(source_of_file(link), source, "{link}");
    }
}

#[test]
fn lines_of_fdinfo_are_read() {
    let line = "tfd:        5 events: 80002019 data:     7f00000001  pos:0 ino:2aF sdev:9";
    let entry = parse_epoll_entry(line).unwrap();
    assert_eq!(
        (entry.descriptor, entry.inode, entry.is_armed),
        (5, 0x2af, true)
    );
    let used_up = "tfd:        5 events: 40000000 data:                1  pos:0 ino:1 sdev:9";
    assert!(!parse_epoll_entry(used_up).unwrap().is_armed);
    assert_eq!(parse_epoll_entry("pos:\t0"), None);
    let timer = "clockid: 1\nticks: 0\nit_value: (1, 500000000)\nit_interval: (0, 0)\n";
    assert_eq!(parse_timer(timer), Some(Duration::from_millis(1500)));
    assert_eq!(parse_timer("it_value: (0, 0)\n"), None);
}
