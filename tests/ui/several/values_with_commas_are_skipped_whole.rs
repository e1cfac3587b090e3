#[daemon::main(pidd = path::<u8, u16>(), log = "")]
fn main() {}
