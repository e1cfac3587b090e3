//! Just enough of some servers for the clients of published crates to be content.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::{sleep, spawn};
use std::time::Duration;

/// A server in another place of the same network answers so late.
const ANSWER_TIME: Duration = Duration::from_millis(8);

/// The variables that name them.
pub(crate) fn start() -> Vec<(&'static str, String)> {
    let servers: [(&'static str, &[u8], Answer); 4] = [
        ("ZOO_POSTGRES", b"", postgres),
        ("ZOO_REDIS", b"", redis),
        ("ZOO_MQTT", b"", mqtt),
        ("ZOO_NATS", NATS_GREETING, nats),
    ];
    let servers = servers.into_iter();
    servers
        .map(|(name, greeting, answer)| (name, serve(greeting, answer).to_string()))
        .collect()
}

/// What is sent for these bytes of a client.
type Answer = fn(&[u8]) -> Vec<u8>;

fn serve(greeting: &'static [u8], answer: Answer) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let address = listener.local_addr().expect("its address");
    spawn(move || {
        for client in listener.incoming().flatten() {
            spawn(move || converse(client, greeting, answer));
        }
    });
    address
}

fn converse(mut client: TcpStream, greeting: &[u8], answer: Answer) {
    client.write_all(greeting).ok();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = client.read(&mut buffer) {
        sleep(ANSWER_TIME);
        client.write_all(&answer(&buffer[..count])).ok();
    }
}

/// `AuthenticationOk` and `ReadyForQuery` for the first message, an empty answer for a query.
fn postgres(message: &[u8]) -> Vec<u8> {
    const READY: &[u8] = b"Z\0\0\0\x05I";
    match message.first() {
        Some(b'Q') => [b"I\0\0\0\x04", READY].concat(),
        Some(b'X') => Vec::new(),
        _ => [b"R\0\0\0\x08\0\0\0\0", READY].concat(),
    }
}

/// `OK` for every command.
fn redis(commands: &[u8]) -> Vec<u8> {
    let count = commands.iter().filter(|&&byte| byte == b'*').count();
    b"+OK\r\n".repeat(count)
}

/// `CONNACK`, `SUBACK` and `PINGRESP`.
fn mqtt(packet: &[u8]) -> Vec<u8> {
    match packet {
        [0x10, ..] => vec![0x20, 2, 0, 0],
        [0x82, _, high, low, ..] => vec![0x90, 3, *high, *low, 0],
        [0xc0, ..] => vec![0xd0, 0],
        _ => Vec::new(),
    }
}

const NATS_GREETING: &[u8] = b"INFO {\"server_id\":\"zoo\",\"server_name\":\"zoo\",\"host\":\"127.0.0.1\",\
    \"port\":4222,\"version\":\"2.10.0\",\"auth_required\":false,\"max_payload\":1048576,\"proto\":1,\
    \"client_id\":1,\"go\":\"\",\"nonce\":\"\",\"connect_urls\":[],\"client_ip\":\"127.0.0.1\",\
    \"headers\":true,\"lame_duck_mode\":false}\r\n";

/// A subscription gets no answer.
fn nats(commands: &[u8]) -> Vec<u8> {
    let has_ping = commands.windows(4).any(|part| part == b"PING");
    if has_ping {
        b"PONG\r\n".to_vec()
    } else {
        Vec::new()
    }
}
