# Tells Doxygen what the headers take for granted: a comment is about all the declarations below it, up to the next comment or
# empty line. Each further one gets it again, on its own line, so that line numbers stay.
function indentation() {
    match($0, /^ */)
    return RLENGTH
}
/^ *\/\/\/([^<]|$)/ {
    if (!in_comment) {
        comment = ""
        level = indentation()
    }
    line = $0
    sub(/^ *\/\/\/ ?/, "", line)
    comment = comment (line == "" ? "<p>" : line) " "
    in_comment = 1
    is_first = has_ended = 1
    depth = 0
    print
    next
}
{
    in_comment = 0
}
/^ *$/ || /^ *(public|protected|private):/ {
    comment = ""
}
/^ *friend [^(]*;/ || /^ +struct [a-z_]+ {};/ { # Doxygen takes it for a member, and a private tag for something to list
    $0 = ""
}
comment != "" && !/^ *\/\// {
    code = $0
    sub(/ *\/\/.*/, "", code)
    if (has_ended && indentation() == level) {
        if (!is_first && code !~ /^ *[}#]/ && !/\/\/\/</) {
            $0 = "/** " comment "*/ " $0
        }
        is_first = 0
    }
    depth += gsub(/[({]/, "&", code) - gsub(/[)}]/, "&", code)
    has_ended = depth == 0 && code ~ /[;}]$/
}
{
    print
}
