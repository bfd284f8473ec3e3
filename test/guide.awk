# The C++ of a chapter of the guide. What the compiler says about it is about lines of the chapter.
/^```/ {
    is_code = $0 == "```cpp"
    if (is_code) {
        printf "#line %d \"%s\"\n", FNR + 1, FILENAME
    }
    next
}
is_code
