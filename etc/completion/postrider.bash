# bash completion for postrider(1). What it offers is what the program says of itself.
# shellcheck shell=bash

_postrider() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} program=${COMP_WORDS[0]}
	local command=${COMP_WORDS[1]}

	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "$("$program" --help 2>/dev/null |
			awk '/^  [a-z-]+ /{ print $1 }') --help --version" -- "$word")
		return
	fi
	case $before in
	-c | --config | --event | --tests | --pattern | --transformer | --bootstrap-file)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		compopt -o filenames 2>/dev/null
		return
		;;
	--rule | --topic | --target | --to-target | --code | --since | --until | --limit | --rate | \
		--key | --header | --url)
		return
		;;
	esac
	if [ "$command" = dead-letters ] && [ "$COMP_CWORD" -eq 2 ]; then
		mapfile -t COMPREPLY < <(compgen -W "list show redrive --help" -- "$word")
		return
	fi
	mapfile -t COMPREPLY < <(compgen -W "$("$program" "$command" --help 2>/dev/null |
		grep -oE -- '--[a-z][a-z-]+' | sort -u) -c" -- "$word")
}

complete -F _postrider postrider
