"""Files of strangers (images, arrays, archives) that may be damaged or made to do harm."""
