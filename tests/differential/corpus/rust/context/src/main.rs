fn main() { println!("real"); }
