# SPDX-License-Identifier: LGPL-2.1-or-later
# bash completion for notrackctl(8)

_notrackctl_services()
{
	notrackctl -w 0 show 2>/dev/null | sed -n 's/^\[service \(.*\)\]$/\1/p' | sort -u
}

_notrackctl_clients()
{
	notrackctl -w 0 stats -o SERVICE,CLIENT --noheadings --raw 2>/dev/null |
		awk -v service="$1" '$1 == service && $2 { print $2 }'
}

# The line up to the word that is completed, put into "line": bash ends words at colons as well,
# as in IPv6 prefixes, if COMP_WORDBREAKS says so.
_notrackctl_line()
{
	local rest=$COMP_LINE space word i

	line=()
	for ((i = 0; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		space=${rest%%[![:space:]]*}
		rest=${rest#"$space"}
		rest=${rest#"$word"}
		if [[ $i -gt 1 && -z $space && ( $word == :* || ${line[-1]} == *: ) ]]; then
			line[-1]+=$word
		else
			line+=("$word")
		fi
	done
}

# Those of WORDS that begin as the word that is completed.  Some are names that others give, of
# interfaces and such: none is expanded, and none offered that a shell reads as anything but a word.
_notrackctl_offer()
{
	local IFS=$' \t\n' LC_ALL=C word words

	COMPREPLY=()
	read -r -d '' -a words <<<"$1"
	for word in "${words[@]}"; do
		[[ $word != *[!A-Za-z0-9_.:@/+,-]* && $word == "${cur#[\"\']}"* ]] || continue
		COMPREPLY+=("$word")
	done
}

# Of what was offered, bash wants what comes after the last colon.
_notrackctl_ltrim()
{
	local head=${cur%"${cur##*:}"} i

	[[ $COMP_WORDBREAKS == *:* && $cur != [\"\']* ]] || return 0
	for i in "${!COMPREPLY[@]}"; do
		COMPREPLY[i]=${COMPREPLY[i]#"$head"}
	done
}

_notrackctl()
{
	local builtin='dns dns-auth dot doq syslog syslog-tls ntp http https quic radius snmp-trap'
	local commands='add del limit unlimit apply watch show stats top advise flush-tracked clear
		doctor verify'
	local everywhere='-4 -6 --ipv4 --ipv6 --netns --backend -w --wait --json -h --help -V
		--version'
	local command='' service='' words='' count=0 line cur prev i

	_notrackctl_line
	cur=${line[-1]} prev=${line[-2]}
	# the command, its first word, and how many words it has before this one
	for ((i = 1; i < ${#line[@]} - 1; i++)); do
		case ${line[i]} in
		--netns | --backend | -w | --wait | --ports | --proto | --role | --from | --local | \
		--remote | --interface | --reply-ports | --twins | --above | --burst | --srcmask | --htable-* | \
		--watch | -o | --output | --by | -n | --number | --threshold | --times | --seconds)
			((i++)) ;;
		-?*) ;;
		*)
			if [[ -z $command ]]; then
				command=${line[i]}
			else
				((count++)) || service=${line[i]}
			fi ;;
		esac
	done

	case $prev in
	--netns) words=$(ls /run/netns 2>/dev/null) ;;
	--backend) words='auto legacy nft' ;;
	--interface) words=$(ls /sys/class/net 2>/dev/null) ;;
	--proto) words='udp tcp udp,tcp sctp udplite' ;;
	--role) words='inbound outbound both' ;;
	--twins) words='auto none' ;;
	--above) words='1/sec 10/sec 100/sec 1/min 10/min 1/hour 1/day' ;;
	--by) words='port source service client' ;;
	-o | --output)
		[[ $command != top ]] || words='PROTOCOL PORT SOURCE SERVICE ENTRIES SHARE BAR ABOVE
			BURST LEFT OVER EXPIRES'
		[[ $command == top ]] || words='SERVICE FAMILY UNTRACKED UNTRACKED/S UNTRACKED-BYTES ACCEPTED ACCEPTED/S
			ACCEPTED-BYTES CLIENT SEEN SEEN/S SEEN-BYTES PASSED PASSED/S PASSED-BYTES
			DROPPED DROPPED/S DROPPED-BYTES'
		[[ $command != verify ]] ||
			words='SERVICE FAMILY PROTOCOL ROLE PACKET HOOK INTERFACE UNTRACKED VERDICT BY' ;;
	-w | --wait | --ports | --from | --local | --remote | --reply-ports | --burst | --srcmask | \
	--htable-* | --watch | -n | --number | --threshold | --times | --seconds)
		return ;;
	*)
		case $command in
		add) words='--ports --proto --role --from --local --remote --interface --reply-ports
			--classic --no-icmp-errors --twins --force --flush-tracked' ;;
		limit) words='--above --burst --srcmask --htable-max --htable-size --htable-expire' ;;
		apply) words='--dry-run --force --flush-tracked' ;;
		watch) words='--force' ;;
		show) words='--rules' ;;
		top) words='--by -n --number --srcmask --watch -o --output --noheadings --raw' ;;
		advise) words='--threshold --times --seconds' ;;
		stats) words='--prometheus --watch -o --output --noheadings --raw' ;;
		verify) words='--explain -o --output --noheadings --raw' ;;
		esac
		words="$everywhere $words"
		[[ $cur == -* ]] || case $command:$count in
		:0) words=$commands ;;
		add:0) words=$(printf '%s\n' "$builtin" "$(_notrackctl_services)" | tr ' ' '\n' | sort -u) ;;
		del:0 | limit:0 | unlimit:0 | top:0 | verify:0) words=$(_notrackctl_services) ;;
		limit:1 | unlimit:1) words="- $(_notrackctl_clients "$service")" ;;
		apply:0 | watch:0)
			compopt -o filenames 2>/dev/null
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			_notrackctl_ltrim
			return ;;
		*) return ;;
		esac ;;
	esac
	_notrackctl_offer "$words"
	_notrackctl_ltrim
}

complete -F _notrackctl notrackctl
