macro_rules! program {
    ($(#[$attribute:meta])* $visibility:vis fn $name:ident() -> $type:ty $body:block) => {
        $(#[$attribute])*
        $visibility fn $name() -> $type $body
    };
}

program! {
    #[daemon::main]
    /// Serves.
    pub fn main() -> Result<(), std::num::ParseIntError> {
        "5".parse::<u8>().map(drop)
    }
}
