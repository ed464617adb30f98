# Says when the processes of a run are gone. A line of its input is the name of a run's lock file; it is written back with
# epoch milliseconds as soon as nobody holds the lock. Looks each 100 ms. Arguments: the folder of the locks.
use strict;
use warnings;
use Fcntl qw(:flock O_WRONLY);
use IO::Select;
use Time::HiRes qw(time);

$| = 1;
my ($folder) = @ARGV;
my (%watched, $rest);
$rest = '';
my $input = IO::Select->new(\*STDIN);
while (1) {
  if ($input->can_read(0.1)) {
    my $read = sysread STDIN, $rest, 65536, length $rest;
    exit 0 if !$read;
    while ($rest =~ s/^(.*)\n//) {
      my $name = $1;
      sysopen my $file, "$folder/$name", O_WRONLY or next;
      $watched{$name} = $file;
    }
    select undef, undef, undef, 0.1;
  }
  for my $name (keys %watched) {
    next unless flock $watched{$name}, LOCK_EX | LOCK_NB;
    printf "%s %.1f\n", $name, time * 1000;
    close $watched{$name};
    delete $watched{$name};
    unlink "$folder/$name";
  }
}
