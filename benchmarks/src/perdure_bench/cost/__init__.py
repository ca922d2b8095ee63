"""Cost: action counts turned into money per month, by prices that the user gives."""
