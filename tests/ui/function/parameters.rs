#[daemon::main]
fn main(count: u8, words: Vec<String>) {
    let _ = (count, words);
}
